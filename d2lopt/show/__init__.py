"""Whatever reaches a person's screen: tables, progress, figures.

Nothing here computes, and nothing that computes imports this package.
"""
