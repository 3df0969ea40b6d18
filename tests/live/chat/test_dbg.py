import logging, asyncio
async def test_x(private_prosody, new_bot):
    me, ana = (private_prosody.add_user(name) for name in ("bot", "ana"))
    room = private_prosody.make_room("ops", admins=[me.jid], members=[ana.jid])
    bot = new_bot(me, room)
    await bot.start()
    logging.getLogger("slixmpp").setLevel(logging.DEBUG)
    await private_prosody.stop()
    await asyncio.sleep(1)
    await private_prosody.start()
    await asyncio.sleep(5)
    print(bot.caught_up)
    assert 0
