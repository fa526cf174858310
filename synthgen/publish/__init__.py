"""A folder for others: its card, its pictures, its published form, and the Hub.

Read in this order: `papers`, `pictures`, `howto`, `card`, `gallery` (the cards of all shipped specs), `parquet` (the
published form), and the room `hub`.
"""
