"""The rules language: indicators, comparisons and conditions as text, for strategies without code.

Belongs here: one expression's way from text to an array: `lexer` and `parser` (text to tree), `check` (names and types) and `timeframes` (longer
bars), `bind` (parameters and columns put in), `evaluate` (arrays) and `warmup`; `vocabulary` is every series, operator and function that there is.
Does not belong here: what a strategy is and what enters or exits (`strategies`), or the formulae themselves (`indicators`).

An expression looks at the current bar and at earlier ones and at nothing else, because the vocabulary has no word that does:
causality and warm-up follow from the form. ``docs/rules.md`` is the user's page.
"""
