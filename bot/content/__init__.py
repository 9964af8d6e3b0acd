"""What the bot posts in a chat by itself: drafted from the shop's rows, worded by the model, checked like a reply.

By the front door comes an admin (`/post now TYPE`, `/schedule add WHEN TYPE`): `when` reads their words for a time,
`times` knows when that is due, `said` says it back; `schedulefile` does the same for those who prefer files.
The other door is the ticker's, which posts what a schedule in SQL says is due. Both go through `Drafts`.
"""
