from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from bridge.commands.accounts import Installed
from bridge.domain.clock import SystemClock
from bridge.registry import Catalog, Registry, State
from bridge.settings import Settings, load

Configure = Callable[[str], Settings]

GOOD = '[accounts.one]\nplugin = "fake"\ntoken = "secret-token-1"\n'


def told(settings: Settings, catalog: Catalog) -> list[tuple[str, bool]]:
    recipes = Registry.recipes(settings, catalog)
    return [
        (problem.text.rpartition("/")[2] if problem.text.startswith("/") else problem.text, problem.fatal)
        for made in recipes.values()
        for problem in made.problems
    ]


@pytest.mark.parametrize(
    ("table", "text", "fatal"),
    [
        ('plugin = "fak"', "accounts.one.plugin: no plugin of that name is installed; did you mean fake?", True),
        (
            'plugin = "qqqq"',
            (
                "accounts.one.plugin: no plugin of that name is installed; "
                "installed are: fake, gone, half, lost, thing, twice"
            ),
            True,
        ),
        (
            'plugin = "twice"',
            "accounts.one.plugin: statusbridge-a and statusbridge-b both bring a plugin of that name; uninstall one",
            True,
        ),
        (
            'plugin = "gone"',
            (
                'accounts.one.plugin: plugin "gone" of statusbridge-gone can\'t be loaded: ModuleNotFoundError: '
                "No module named 'plugins_that_are_gone'; reinstall it"
            ),
            False,
        ),
        (
            'plugin = "lost"',
            (
                'accounts.one.plugin: plugin "lost" of statusbridge-lost can\'t be loaded: AttributeError: '
                "module 'plugins_of_the_test' has no attribute 'Nothing'; reinstall it"
            ),
            False,
        ),
        (
            'plugin = "half"',
            'accounts.one.plugin: plugin "half" of statusbridge-half is incomplete: it lacks post',
            False,
        ),
        (
            'plugin = "thing"',
            'accounts.one.plugin: plugin "thing" of statusbridge-thing is no class derived from bridge.plugin.Plugin',
            False,
        ),
        ('plugin = "fake"', "accounts.one.token: is missing", False),
        ('plugin = "fake"\ntokn = "secret-1"', "accounts.one.tokn: unknown key; did you mean token?", True),
        ('plugin = "fake"\ntoken = "secret-1"\nbas = "x"', "accounts.one.bas: unknown key; did you mean base?", True),
        (
            'plugin = "fake"\ntoken = "secret-1"\nenabeld = false',
            "accounts.one.enabeld: unknown key; did you mean enabled?",
            True,
        ),
        ('plugin = "fake"\ntoken = "secret-1"\ncount = 0', "accounts.one.count: must be at least 1", True),
        ('plugin = "fake"\ntoken = ["secret-1"]', "accounts.one.token: must be text in quotes", True),
        (
            'plugin = "fake"\ntoken = "secret-1"\nwords = "[broken"',
            'accounts.one.words: must be a list, as ["a", "b"]',
            True,
        ),
    ],
)
def test_what_is_wrong_is_one_line(configure: Configure, catalog: Catalog, table: str, text: str, fatal: bool) -> None:
    settings = configure(f"[accounts.one]\n{table}\n")
    assert told(settings, catalog) == [(f"config.toml: {text}", fatal)]
    assert "secret-1" not in str(told(settings, catalog))


def test_nothing_is_installed(configure: Configure) -> None:
    assert told(configure(GOOD), Catalog([])) == [
        ("config.toml: accounts.one.plugin: no plugin of that name is installed; installed are: none", True)
    ]


def test_one_broken_account_stops_no_other(configure: Configure, catalog: Catalog) -> None:
    settings = configure(
        GOOD + '[accounts.two]\nplugin = "gone"\n[accounts.three]\nplugin = "nobody"\n'
        '[accounts.four]\nplugin = "gone"\nenabled = false\n'
    )
    registry = Registry(settings, Registry.recipes(settings, catalog), clock=SystemClock())
    assert registry.names() == ("one", "two", "three", "four")
    assert [account.status.state for account in registry] == [State.STARTING, State.DOWN, State.DOWN, State.DISABLED]
    assert len(registry.mistakes()) == 1
    assert "accounts.three.plugin" in registry.mistakes()[0]
    view = registry.view("two")
    assert view is not None
    assert (view.enabled, view.up, view.limits, view.deletes) == (True, False, None, False)
    assert view.problem is not None
    assert "can't be loaded" in view.problem
    assert view.length("äö") == 2
    assert registry.view("nobody") is None
    assert str(registry["four"].status) == "disabled"
    assert str(registry["two"].status).startswith("down: ")


def test_a_plugin_is_imported_only_for_an_enabled_account(
    configure: Configure, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []

    def watch(name: str, *_args: Any) -> Any:
        imported.append(name)
        return sys.modules[name]

    monkeypatch.setattr("importlib.metadata.import_module", watch)
    disabled = configure(GOOD + "enabled = false\n")
    assert told(disabled, catalog) == []
    assert imported == []
    assert told(configure(GOOD), catalog) == []
    assert imported == ["plugins_of_the_test"]


def test_the_same_package_seen_twice_is_one(points: Any, configure: Configure, catalog: Catalog) -> None:
    found = [("fake", "plugins_of_the_test:FakePlugin", "statusbridge-fake")] * 2
    assert told(configure(GOOD), points(found)) == []
    assert points(found).names() == ("fake",)


def test_secrets_are_found_by_name_and_by_the_plugins_model(configure: Configure, catalog: Catalog) -> None:
    settings = configure(
        GOOD + 'blob = "not-named-as-one"\n[accounts.two]\nplugin = "qqqq"\napi_key = "secret-key-2"\n'
        '[accounts.three]\nplugin = "fake"\ntoken = "secret-3"\nbas = "x"\n'
    )
    recipes = Registry.recipes(settings, catalog)
    assert recipes["one"].secrets == ("secret-token-1", "not-named-as-one")
    assert recipes["two"].secrets == ("secret-key-2",)
    assert recipes["three"].secrets == ("secret-3",)
    registry = Registry(settings, recipes, clock=SystemClock())
    assert registry.secrets() == ("secret-token-1", "not-named-as-one", "secret-key-2", "secret-3")


def test_lists_from_the_environment(tmp_path: Path, catalog: Catalog, configure: Configure, plugin: Any) -> None:
    configure(GOOD)
    environ = {
        "STATUSBRIDGE_ACCOUNTS__ONE__WORDS": '["a", "b"]',
        "STATUSBRIDGE_ACCOUNTS__ONE__BLOB": '{"key": "x"}',
        "STATUSBRIDGE_ACCOUNTS__ONE__COUNT": "3",
    }
    settings = load(tmp_path / "config.toml", environ=environ, secrets=tmp_path)
    recipes = Registry.recipes(settings, catalog)
    assert recipes["one"].problems == ()
    own = Registry(settings, recipes, clock=SystemClock())["one"].make().settings
    assert (own.words, own.count, own.blob.get_secret_value()) == (("a", "b"), 3, '{"key": "x"}')

    wrong = load(tmp_path / "config.toml", environ={"STATUSBRIDGE_ACCOUNTS__ONE__COUNT": "x"}, secrets=tmp_path)
    assert told(wrong, catalog) == [("environment: STATUSBRIDGE_ACCOUNTS__ONE__COUNT: must be a whole number", True)]


def test_a_plugin_may_allow_any_key(configure: Configure, catalog: Catalog, plugin: Any) -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    plugin.Settings = Open
    assert told(configure(GOOD + "whatever = 1\n"), catalog) == []


def test_a_plugin_chooses_what_it_can_do_by_its_settings(configure: Configure, catalog: Catalog, plugin: Any) -> None:
    class Able(plugin):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass]
        """Can do more."""

    chosen: list[BaseModel] = []
    plugin.for_settings = classmethod(lambda _, own: chosen.append(own) or Able)
    made = Registry.recipes(configure(GOOD), catalog)["one"]
    assert (made.plugin, chosen) == (Able, [made.own])


def test_a_plugin_that_cannot_choose_is_down_alone(configure: Configure, catalog: Catalog, plugin: Any) -> None:
    def fails(_cls: object, _own: object) -> None:
        raise KeyError("secret-token-1")

    plugin.for_settings = classmethod(fails)
    assert told(configure(GOOD), catalog) == [
        ("config.toml: accounts.one.plugin: the plugin fake failed (KeyError)", False)
    ]


def test_a_plugins_own_words_show_no_secret(configure: Configure, catalog: Catalog, plugin: Any) -> None:
    class Talkative(BaseModel):
        token: str

        def model_post_init(self, context: object, /) -> None:
            raise ValueError(f"{self.token} is no good")

    plugin.Settings = Talkative
    assert told(configure(GOOD), catalog) == [("config.toml: accounts.one: [hidden] is no good", True)]


def test_the_installed_plugins_are_looked_up() -> None:
    assert isinstance(Catalog().names(), tuple)


def test_what_is_installed_is_told_without_an_import(points: Any) -> None:
    catalog = points(
        [
            ("odd", "no_such_module:Plugin", "statusbridge-odd"),
            ("even", "no_such_module:Plugin", "statusbridge"),
            ("odd", "no_such_module:Other", "statusbridge-other"),
        ]
    )
    for one in catalog._found["odd"]:
        assert one.dist is not None
        vars(one.dist).update(
            version="2.0", requires=["statusbridge-extra>=9", "statusbridge>=0.1; python_version>'3'"]
        )
    vars(catalog._found["even"][0].dist).update(version="0.1.0", requires=None)
    assert catalog.installed() == (
        Installed(name="even", package="statusbridge", version="0.1.0"),
        Installed(name="odd", package="statusbridge-odd", version="2.0", needs="statusbridge>=0.1"),
        Installed(name="odd", package="statusbridge-other", version="2.0", needs="statusbridge>=0.1"),
    )
