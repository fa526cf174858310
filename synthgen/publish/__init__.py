"""A folder for others: its card, its pictures, its published form, and the Hub.

Read in this order: `papers`, the room `drawing` (pictures), `pictures` (those of a card), `howto`, `card`, `gallery`
(the cards of all shipped specs), `parquet` (the published form), and the rooms `explorer` (a page) and `hub`.
"""
