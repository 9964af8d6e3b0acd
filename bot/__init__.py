"""Shopkeeper. The path of a message, in eight hops:

1. a platform's `run` translates an event into a `Message`;
2. `intake.put` commits it to the inbox, only then is the event confirmed;
3. the chat's worker takes it: `router.handle`;
4. `safety.verdict` says what may come in;
5. a command runs, or `conversation.gate` decides to speak;
6. `conversation.plan` finds what to say, `knowledge.wording` has the engine word it;
7. sentence by sentence: facts filled, checked, `safety.verdict` of what goes out;
8. one transaction: inbox done, interaction, outbox row; `outbox` sends it.
"""
