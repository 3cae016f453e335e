"""Words, formulas and figures where one looks: the glossary, and a block of a design explained."""
