"""The papers whose data synthgen makes: titles, authors, and their BibTeX for dataset cards."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.dataset.readme import ARXIV_NUMBER

ALLEN_ZHU_LI = "Zeyuan Allen-Zhu and Yuanzhi Li"
YE_ET_AL = "Tian Ye and Zicheng Xu and Yuanzhi Li and Zeyuan Allen-Zhu"


@dataclass(frozen=True)
class Paper:
    """A paper on arXiv."""

    arxiv: str
    part: str
    title: str
    authors: str  # as BibTeX wants them
    year: int

    @property
    def full_title(self) -> str:
        """The whole title."""
        return f"Physics of Language Models: Part {self.part}, {self.title}"

    def bibtex(self) -> str:
        """Return the entry to cite it with."""
        return (
            f"@article{{physics-of-lm-{self.part},\n"
            f"  title   = {{{{{self.full_title}}}}},\n"
            f"  author  = {{{self.authors}}},\n"
            f"  journal = {{arXiv preprint arXiv:{self.arxiv}}},\n"
            f"  year    = {{{self.year}}}\n}}"
        )


PAPERS = {
    paper.arxiv: paper
    for paper in (
        Paper("2305.13673", "1", "Learning Hierarchical Language Structures", ALLEN_ZHU_LI, 2023),
        Paper("2407.20311", "2.1", "Grade-School Math and the Hidden Reasoning Process", YE_ET_AL, 2024),
        Paper("2408.16293", "2.2", "How to Learn From Mistakes on Grade-School Math Problems", YE_ET_AL, 2024),
        Paper("2309.14316", "3.1", "Knowledge Storage and Extraction", ALLEN_ZHU_LI, 2023),
        Paper("2309.14402", "3.2", "Knowledge Manipulation", ALLEN_ZHU_LI, 2023),
        Paper("2404.05405", "3.3", "Knowledge Capacity Scaling Laws", ALLEN_ZHU_LI, 2024),
        Paper("2512.17351", "4.1", "Architecture Design and the Magic of Canon Layers", "Zeyuan Allen-Zhu", 2025),
    )
}
"""The papers by arXiv number."""


def papers_of(text: str) -> list[Paper]:
    """Return the known papers whose arXiv numbers stand in a spec's or task's `paper`, in order."""
    return [PAPERS[number] for number in ARXIV_NUMBER.findall(text) if number in PAPERS]
