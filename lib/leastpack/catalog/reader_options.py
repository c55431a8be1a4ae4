"""Options of Spark's readers: what leastpack starts from, and what a source says instead."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError

CORRUPT = "_corrupt_record"
TEXT_FORMATS = frozenset({"csv", "json", "xml"})  # whose rows may fail to parse, each for itself
# What a reader starts from; `options` of the source override it.
READER_OPTIONS: dict[str, dict[str, str]] = {
    # RFC 4180 quoting, but for newlines inside of quotes: with them no file can be split, and a stray quote swallows
    # rows. Spark parses only the columns a query needs unless told otherwise, and then misses rows with too many or
    # too few of them.
    "csv": {"header": "true", "escape": '"', "multiLine": "false", "columnPruning": "false"},
    # Identifiers keep their zeros.
    "xml": {"inferSchema": "false"},
    "binaryFile": {"recursiveFileLookup": "true"},
}
# Of a source's options, those that choose files and lines, whatever is in them.
FILE_OPTIONS = frozenset(
    {
        "pathglobfilter", "recursivefilelookup", "modifiedbefore", "modifiedafter", "basepath", "timezone",
        "ignorecorruptfiles", "ignoremissingfiles", "linesep", "encoding", "charset",
    }
)  # fmt: skip
# Those that Spark reads without `spark.sql.legacy.javaCharsets`.
_CHARSETS = frozenset({"us-ascii", "iso-8859-1", "utf-8", "utf-16be", "utf-16le", "utf-16", "utf-32"})
JAVA_CHARSETS = "spark.sql.legacy.javaCharsets"


def reader_options(source: SourceConfig) -> dict[str, str]:
    """What the source's reader gets: our defaults, overridden by the source's own in any spelling of their keys."""
    own = {key.lower() for key in source.options}
    start = dict(READER_OPTIONS.get(source.format, {}))
    if source.format == "csv" and option(source.options, "sep", "delimiter") in ("\t", r"\t"):
        start["quote"] = ""  # who separates by tabs does not quote
    charset = encoding_of(source.options)
    if source.format == "csv" and charset.startswith(("utf-16", "utf-32", "utf16", "utf32")):
        start["multiLine"] = "true"  # Spark splits lines by single bytes
    if source.format == "json" and charset != "utf-8" and not is_on(source.options, "multiLine"):
        start["lineSep"] = "\n"  # Spark asks for it
    options = {**{key: value for key, value in start.items() if key.lower() not in own}, **source.options}
    if source.format in TEXT_FORMATS:
        options = {key: value for key, value in options.items() if key.lower() not in _FIXED}
        options |= {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
    return options


_FIXED = frozenset({"mode", "columnnameofcorruptrecord"})


def option(options: Mapping[str, str], *names: str) -> str | None:
    """Value of the first of the names that is set; case makes no difference."""
    lower = {key.lower(): value for key, value in options.items()}
    return next((lower[name.lower()] for name in names if name.lower() in lower), None)


def is_on(options: Mapping[str, str], name: str) -> bool:
    """Whether an option is `true`."""
    return (option(options, name) or "").strip().lower() == "true"


def without(options: Mapping[str, str], *names: str) -> dict[str, str]:
    """The options but for the named ones, in any case."""
    gone = {name.lower() for name in names}
    return {key: value for key, value in options.items() if key.lower() not in gone}


def encoding_of(options: Mapping[str, str]) -> str:
    """The character set, in lower case."""
    return (option(options, "encoding", "charset") or "utf-8").strip().lower()


def allow_charset(spark: SparkSession, source: SourceConfig) -> None:
    """Have Spark read the source's character set where it needs leave for it.

    Raises:
        InputError: The session does not let us.
    """
    charset = encoding_of(source.options)
    if source.format not in TEXT_FORMATS or charset in _CHARSETS:
        return
    try:
        if spark.conf.get(JAVA_CHARSETS, "false") != "true":
            spark.conf.set(JAVA_CHARSETS, "true")
    except PySparkException as error:
        raise InputError(
            f"source {source.name!r}: Spark may not read the encoding {charset}",
            expected=f"{JAVA_CHARSETS}=true, or one of {', '.join(sorted(_CHARSETS))}",
            found=str(error).splitlines()[0],
            todo=f"set {JAVA_CHARSETS} to true for the cluster, or deliver the export in UTF-8",
        ) from error
