"""PC/SC calls as they happen: a proxy on pcscd's socket, a decoder, and what the calls mean.

run.py has the three ways to trace; program.py, own_scdaemon.py and gpg_home.py start what is traced, after the question
of gpg_plan.py, in the directories and copies of place.py and copies.py; caretaker.py and leaving.py clean up after it.

session.py is one trace. proxy.py and link.py pass the bytes on; framing.py and conversation.py decode them, with
handles.py and reader_calls.py for what a connection remembers. They become the events of events.py, with apdu.py,
applets.py and arguments.py for what may be shown, and folding.py for repetitions.

lines.py and jsonlines.py print events, output.py where to. summary.py, seen.py, meaning.py and closing.py say in the
end what they mean.
"""
