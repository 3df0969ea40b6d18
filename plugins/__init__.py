"""The platforms that come with Statusbridge, one package each; each sees only `bridge.plugin`."""
