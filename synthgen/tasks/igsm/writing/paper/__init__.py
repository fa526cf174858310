"""The paper's law of problems, step by step as its code has it."""
