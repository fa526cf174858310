"""`croissant.json`: a dataset in the vocabulary of MLCommons, with what no hub can know of it.

The Hub derives a Croissant file from the rows. What it cannot fill are the fields of responsible AI (RAI): how the rows
came about, what they are for, what they lack, and what must not be concluded from them. Here they are, beside the
hashes of the files; `mlcroissant.Dataset("DIR/croissant.json")` reads it, and the rows of Parquet shards too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthgen.dataset.manifest import FILE, Manifest
from synthgen.dataset.readme import licences_of
from synthgen.publish.papers import papers_of
from synthgen.spec.source import Source
from synthgen.task.contract import Task
from synthgen.task.files import file_sha256

CROISSANT = "croissant.json"

MIME_TYPES = {"parquet": "application/x-parquet"}
"""Of the containers; Arrow's is that of streams and files alike."""

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The terms of Croissant 1.0, as its specification gives them (mlcommons.org/croissant/1.0, appendix 1)."""

USES = (
    "Controlled experiments on what language models learn: pretraining from scratch, or fine-tuning, where the law of "
    "the rows is known and every row's bits are counted, so that a loss can be held against its floor.",
    "Evaluation of models trained on splits of the same spec; an answer is judged by a program, step by step.",
)

NOT_CONCLUDED = (
    "A figure on these rows says nothing about the world, about people, or about how well a model knows or reasons "
    "over text that people wrote: the rows follow a law, and a model may learn that law and nothing else.",
    "Figures of two specs, or of one spec with other params, seeds of training or token counts, are not comparable as "
    "they stand; bits that are stated as a bracket or an estimate are no exact floor.",
)


def croissant_text(folder: Path, manifest: Manifest, source: Source, licence: str, url: str = "") -> str:
    """Return the Croissant file of a dataset folder as text; its manifest stands there already."""
    return json.dumps(croissant(folder, manifest, source, licence, url), indent=1, ensure_ascii=False) + "\n"


def croissant(folder: Path, manifest: Manifest, source: Source, licence: str, url: str = "") -> dict[str, Any]:
    """Return what `croissant.json` holds of a dataset folder; `url` is where it is published, if it is."""
    spec, task = source.spec, source.task(next(iter(manifest.splits)))
    schema = source.schema_with(manifest.columns)
    columns = [schema.field(name) for name in manifest.columns]
    papers = papers_of(spec.paper or task.paper)
    ending = manifest.shards[0].path.rpartition(".")[2]
    mime = MIME_TYPES.get(manifest.container, "application/vnd.apache.arrow.stream")
    sets = {name: {"@type": "cr:FileSet", "@id": f"files-of-{name}", "encodingFormat": mime,
                   "includes": f"data/{name}-*.{ending}"} for name in manifest.splits}  # fmt: skip
    licences = licences_of(licence, task)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": manifest.name,
        "description": f"{(spec.title or manifest.name).rstrip('.')}. Content id {manifest.content_id}.",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "license": licences,
        "url": url or "https://huggingface.co/datasets",
        "version": f"{manifest.versions['task']}.0.0",
        "creator": {"@type": "sc:Organization", "name": f"synthgen {manifest.versions['synthgen']}"},
        "keywords": ["synthetic", "synthgen", "physics-of-language-models", f"synthgen-{spec.task}"],
        **({"citeAs": "\n".join(paper.bibtex() for paper in papers)} if papers else {}),
        "distribution": [
            {"@type": "cr:FileObject", "@id": FILE, "contentUrl": FILE, "encodingFormat": "application/json",
             "description": "the SHA-256 of every file, and of its values", "sha256": file_sha256(folder / FILE)},
            *sets.values(),
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": name, "description": f"the split {name}: {split['rows']:,} rows",
             "field": [one for column in columns for one in _fields(column, name, f"files-of-{name}", column.name)]}
            for name, split in manifest.splits.items()
        ],
        **_responsible(manifest, source, task),
    }  # fmt: skip


def _responsible(manifest: Manifest, source: Source, task: Task) -> Mapping[str, Any]:
    """Return the fields of responsible AI: how it came about, what it is for, and what must not be concluded."""
    spec, texts = source.spec, task.text_sources()
    deviations = [*task.stated_deviations(), *spec.deviations]
    statuses = sorted({split["entropy"]["status"] for split in manifest.splits.values()})
    real = [f"Rows of component {text.component} are texts of {text.origin} (licence {text.licence or 'not stated'}; "
            f"digest {text.digest}), as people wrote them: none of the rest holds of these."
            for text in texts]  # fmt: skip
    notes = "; ".join(task.card_notes())
    return {
        "rai:dataCollection": f"Every row was made by a program, synthgen {manifest.versions['synthgen']}"
        f"{'; ' + notes if notes else ', and none by a person or a language model'}. A row is a pure function of "
        f"(spec, split, index); spec.toml makes the same bytes again.",
        "rai:dataCollectionType": ["Software Collection", *["Secondary Data Analysis"] * bool(texts)],
        "rai:dataCollectionRawData": " ".join(real) or "There is none: rows are drawn from a stated law.",
        "rai:dataPreprocessingProtocol": [
            f"Task {spec.task}, version {manifest.versions['task']}, row format {spec.row_format}"
            + (f", tokenizer {spec.tokenizer}" if spec.tokenizer else "")
            + "; nothing is filtered, cleaned or sampled afterwards."
        ],
        "rai:dataAnnotationProtocol": "Latents, spans and bits are written down when a choice is made, and no person "
        f"labels anything. The bits of a row's text are stated with their status: {', '.join(statuses)}.",
        "rai:machineAnnotationTools": [f"synthgen {manifest.versions['synthgen']}"],
        "rai:dataUseCases": list(USES),
        "rai:dataLimitations": [*NOT_CONCLUDED, *real, *deviations],
        "rai:dataBiases": [
            "Frequencies are those of the spec's law, mostly uniform; they reflect no population. Names, places and "
            "pronouns of people, where there are any, are drawn by that law, and not as they occur among people."
        ],
        "rai:dataSocialImpact": "Made for research on language models; a model trained on nothing else is of no use to "
        "anyone who wants to know facts.",
        "rai:personalSensitiveInformation": [
            *["Texts that people wrote may hold what they told of themselves or others; see their own card."]
            * bool(texts),
            "No row that a program made tells of a real person: names are put together from lists, and a likeness is "
            "chance.",
        ],
        "rai:dataReleaseMaintenancePlan": "A published revision does not change: it is tagged, and another dataset has "
        f"another content id than {manifest.content_id[:16]}.",
    }


def _fields(field: pa.Field, above: str, files: str, column: str, path: str = "") -> Iterator[dict[str, Any]]:
    """Yield a column as Croissant's fields, structs with their parts; lists of structs (spans) have no place there."""
    kind, name = field.type, f"{above}/{field.name}"
    if pa.types.is_struct(kind):
        inner = [part for sub in kind for part in _fields(sub, name, files, column, f"{path}.{sub.name}".lstrip("."))]
        if inner:
            yield {"@type": "cr:Field", "@id": name, "name": name, "subField": inner}
        return
    repeated = pa.types.is_list(kind)
    item = kind.value_type if repeated else kind
    if pa.types.is_nested(item):
        return
    source: dict[str, Any] = {"fileSet": {"@id": files}, "extract": {"column": column}}
    yield {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "dataType": _data_type(item),
        **({"repeated": True} if repeated else {}),
        "source": source | ({"transform": {"jsonPath": path}} if path else {}),
    }


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_floating(kind):
        return "sc:Float"
    return "sc:Integer" if pa.types.is_integer(kind) else "sc:Text"
