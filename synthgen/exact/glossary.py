"""The words for facts: what a name in `Entropy.facts` means to a reader, its unit, and the group it is told in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from synthgen.exact.facts import Style, formatted
from synthgen.exact.keys import worded


class Meaning(NamedTuple):
    """What a fact is about (a heading), what it says, and in which unit; no unit for counts, shares and lists."""

    group: str
    words: str
    unit: str = ""


LENGTH, GUESS, WORLD, ANSWER = "lengths and sizes", "what guessing gets", "the world", "answers"
RETRY, LAW, SAMPLE, MIX = "retries", "how rows are spread", "how this is known", "the mixture"

GLOSSARY: dict[str, Meaning] = {
    "answer_bits": Meaning(ANSWER, "an answer, for who has read its prompt", "bits"),
    "answer_bits_given_the_text": Meaning(ANSWER, "an answer, for who has read the facts too", "bits"),
    "answer_bits_given_the_world": Meaning(ANSWER, "an answer, for who knows the world too", "bits"),
    "answer_bits_in_this_world": Meaning(ANSWER, "an answer, for who knows this very world too", "bits"),
    "answer_bits_mean": Meaning(ANSWER, "an answer, for who does not know the world, on average", "bits"),
    "answer_law_bits": Meaning(ANSWER, "entropy of the law of answers", "bits"),
    "answer_zero_share": Meaning(ANSWER, "share of answers that are 0"),
    "answers_changed": Meaning(ANSWER, "share of answers that have changed"),
    "asked": Meaning(WORLD, "people who are asked about"),
    "attribute_bits": Meaning(WORLD, "each fact of a person", "bits"),
    "attribute_bits_a_person": Meaning(WORLD, "all facts of a person", "bits"),
    "best_accuracy": Meaning(GUESS, "the best answer, for who knows the world, is right"),
    "best_accuracy_in_this_world": Meaning(GUESS, "the best answer, for who knows this very world, is right"),
    "bits_a_token": Meaning(LENGTH, "text, for each token", "bits"),
    "block": Meaning(MIX, "rows of a block, in which shares are exact"),
    "change_bits": Meaning(WORLD, "each fact's changes, for who knows the world before", "bits"),
    "changed_people": Meaning(WORLD, "people for whom each fact changes"),
    "collision_bits": Meaning(LAW, "repeats: -log2 of the chance that two rows are made alike", "bits"),
    "completion_bits": Meaning(ANSWER, "a completion, for who has read its prompt", "bits"),
    "components": Meaning(MIX, "bits of a row of each component"),
    "constant_guess": Meaning(GUESS, "the best constant answer is right"),
    "constant_guess_mean": Meaning(GUESS, "the best constant answer is right, on average"),
    "constant_guess_whether": Meaning(GUESS, "the best constant answer to whether it changed is right"),
    "depth_law": Meaning(LAW, "shares by depth"),
    "derivations": Meaning(LAW, "derivations that there are"),
    "determined": Meaning(ANSWER, "share of questions that the world decides"),
    "determined_in_this_world": Meaning(ANSWER, "share of questions that this very world decides"),
    "determined_mean": Meaning(ANSWER, "share of questions that the world decides, on average"),
    "distinct_templates": Meaning(LAW, "templates among the rows sampled"),
    "enumerable_share": Meaning(LAW, "share of rows whose templates can all be gone through"),
    "expected_completion_tokens": Meaning(LENGTH, "a completion, on average", "tokens"),
    "expected_hops": Meaning(LENGTH, "a question, on average", "hops"),
    "expected_length": Meaning(LENGTH, "a string, on average", "tokens"),
    "expected_listed": Meaning(LENGTH, "a listing, on average", "nodes"),
    "expected_nodes": Meaning(LENGTH, "a graph, on average", "nodes"),
    "expected_operations": Meaning(LENGTH, "an expression, on average", "operations"),
    "expected_statements": Meaning(LENGTH, "a prompt, on average", "statements"),
    "expected_steps": Meaning(LENGTH, "a solution, on average", "steps"),
    "expected_things": Meaning(LENGTH, "a story, on average", "things"),
    "expected_tokens": Meaning(LENGTH, "a row, on average", "tokens"),
    "expected_trained_tokens": Meaning(LENGTH, "what is trained on of a row, on average", "tokens"),
    "exposures_a_person": Meaning(WORLD, "entries of a person"),
    "follows": Meaning(SAMPLE, "whose definition is followed"),
    "forms": Meaning(LAW, "kinds of questions"),
    "full_names": Meaning(WORLD, "full names that there are"),
    "guess": Meaning(GUESS, "the best constant answer"),
    "guess_accuracy": Meaning(GUESS, "the best constant answer is right"),
    "guess_among_those_told": Meaning(GUESS, "a year of those that are told is right"),
    "joint_books": Meaning(SAMPLE, "books whose sum alone is known"),
    "length_max": Meaning(LENGTH, "the longest string", "tokens"),
    "length_min": Meaning(LENGTH, "the shortest string", "tokens"),
    "length_sd": Meaning(LENGTH, "standard deviation of a string's length", "tokens"),
    "listed_quantiles": Meaning(LENGTH, "nodes of a listing, by quantile"),
    "names_list_bits": Meaning(WORLD, "names of all people, in order", "bits"),
    "names_paper_bits": Meaning(WORLD, "names of all people, as the paper counts them", "bits"),
    "names_set_bits": Meaning(WORLD, "names of all people, as a set", "bits"),
    "natural_bits": Meaning(LAW, "a rewrite, in the natural law", "bits"),
    "necessary": Meaning(LENGTH, "a solution, on average", "parameters"),
    "op_law": Meaning(LAW, "shares by number of operations"),
    "order_bits": Meaning(LAW, "the order of a row's facts", "bits"),
    "people": Meaning(WORLD, "people"),
    "people_by_exposures": Meaning(WORLD, "people, by their entries"),
    "pronoun_bits_a_person": Meaning(WORLD, "the pronoun of a person", "bits"),
    "quotas": Meaning(MIX, "rows of a block"),
    "relation_bits_a_person": Meaning(WORLD, "each relation of a person", "bits"),
    "renderings": Meaning(LAW, "texts that say the same facts"),
    "retries_a_problem": Meaning(RETRY, "steps taken back in a row, on average"),
    "retries_a_row": Meaning(RETRY, "steps taken back in a row, on average"),
    "retries_a_step": Meaning(RETRY, "steps taken back before each right one, on average"),
    "retries_a_step_untruncated": Meaning(RETRY, "the same, if no mistake were ever used up"),
    "rewrites_a_person": Meaning(LAW, "rewrites that there are of a person"),
    "right_answers": Meaning(ANSWER, "right answers to a question, on average"),
    "row_shares": Meaning(MIX, "shares of rows"),
    "rows_an_entry": Meaning(WORLD, "rows that say everything once"),
    "sampled_rows": Meaning(SAMPLE, "rows sampled for facts without a formula"),
    "sentences": Meaning(LENGTH, "a problem, on average", "sentences"),
    "share_of_largest": Meaning(LAW, "share of rows of the largest size"),
    "size_shares": Meaning(MIX, "shares of tokens, or of bytes of text"),
    "solution_ceiling_bits": Meaning(ANSWER, "a solution in any order, at most", "bits"),
    "solution_floor_bits": Meaning(ANSWER, "a solution in any order, at least", "bits"),
    "split_of": Meaning(LAW, "what splits divide"),
    "stages": Meaning(MIX, "rows of a block, by stage"),
    "subject_bits": Meaning(LAW, "whom a row is about", "bits"),
    "templates": Meaning(LAW, "templates, and how rows repeat them, by number of operations"),
    "uncapped_bound": Meaning(LAW, "templates there must be more of, from that number of operations on"),
    "uncapped_from": Meaning(LAW, "operations from which on templates are beyond number"),
    "uniform_bits": Meaning(LAW, "a rewrite, in the uniform law", "bits"),
    "uniform_guess_accuracy": Meaning(GUESS, "any answer, guessed blindly, is right"),
    "unreachable_symbols": Meaning(LAW, "symbols that no derivation reaches"),
    "unsplit_ops": Meaning(LAW, "numbers of operations whose templates are not divided"),
    "wording_bits": Meaning(LAW, "the wording of a row's facts", "bits"),
    "world_bits": Meaning(WORLD, "all that there is to know", "bits"),
    "world_bits_a_person": Meaning(WORLD, "all that there is to know, for each person", "bits"),
    "world_bits_at_one_time": Meaning(WORLD, "all that there is to know, before the change or after it", "bits"),
    "world_list_bits": Meaning(WORLD, "all that there is to know, people told apart by number", "bits"),
    "world_paper_bits": Meaning(WORLD, "all that there is to know, as the paper counts it", "bits"),
}
"""The facts of the tasks here, by name."""

BOOKS: dict[str, str] = {
    "op": "number of operations",
    "twins": "twins (which of two ids with one meaning)",
}
"""What books are called whose names do not say what was drawn."""


def book_words(name: str) -> str:
    """Return what a book is called for people."""
    return worded(name, BOOKS)


def meaning(name: str) -> Meaning:
    """Return what a fact means; of one that is not in the glossary, its name as words."""
    known = GLOSSARY.get(name)
    return known or Meaning("further facts", worded(name), "bits" if name.endswith("_bits") else "")


def told_facts(facts: Mapping[str, Any], style: Style) -> dict[str, list[tuple[str, str]]]:
    """Return (words, value with its unit) of each fact, by group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, value in facts.items():
        group, words, unit = meaning(name)
        stated = formatted(value, style)
        if unit and unit not in stated.split():
            stated += f" {unit}"
        groups.setdefault(group, []).append((words, stated))
    return groups
