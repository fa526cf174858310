"""Context-free grammars (Part 1, 2305.13673; Lano of Part 4.1, 2512.17351): token rows with exact derivation bits.

synthgen show cfg3f -n 1
synthgen entropy cfg3f --json
"""

from synthgen.tasks.cfg.grammar import Grammar
from synthgen.tasks.cfg.random_grammar import RandomGrammar
from synthgen.tasks.cfg.rules import Rule
from synthgen.tasks.cfg.task import Cfg, CfgParams
from synthgen.tasks.cfg.variants import Bags, Noise

__all__ = ["Bags", "Cfg", "CfgParams", "Grammar", "Noise", "RandomGrammar", "Rule"]
