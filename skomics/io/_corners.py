"""What the names of columns tell: ids of samples, names of features, or counters."""

import re

__all__ = [
    "FEATURE_CORNERS",
    "SAMPLE_CORNERS",
    "has_counter_first",
    "is_counter",
    "is_counter_name",
    "is_first_counter_name",
    "is_id_name",
    "is_nameless",
    "is_sample_id_name",
    "outcomes_among",
    "simplify",
]

FEATURE_CORNERS = frozenset(
    "probe probes probe_id gene genes gene_id gene_name gene_symbol genesymbol symbol "
    "feature features feature_id id_ref ensembl_id ensembl_gene_id geneid cpg mirna_id "
    "protein otu_id otuid asv_id composite_element_ref hybridization_ref".split()
)
# Columns called so hold sample ids, wherever they are in a table.
_SAMPLE_IDS = frozenset(
    "sampleid sample_id sample_barcode patientid patient_id patient_barcode barcode "
    "tcga_barcode bcr_patient_barcode bcr_sample_barcode case_id caseid submitter_id "
    "case_submitter_id subject_id subjectid participant_id donor_id cell_id "
    "cell_barcode".split()
)
# "sample" is not among them: Xena writes it over features, others over samples.
SAMPLE_CORNERS = _SAMPLE_IDS | frozenset(["patient", "subject", "cell"])
_IDS = (
    SAMPLE_CORNERS
    | FEATURE_CORNERS
    | frozenset(
        "id ids sample samples samplename sample_name name names identifier case donor "
        "participant uuid bcr_patient_uuid entrez entrez_id entrez_gene_id "
        "hugo_symbol entity_stable_id".split()
    )
)
# Outcomes and classes, which no gene, protein or site is called.
_OUTCOMES = frozenset(
    "os os_time os_event os_status os_months os_days overall_survival survival "
    "survival_time survival_days survival_months survival_status dss dss_time "
    "dss_event pfs pfs_time pfs_event pfs_status pfs_months pfi pfi_time dfs dfs_time "
    "dfs_event dfs_status dfs_months dfi dfi_time rfs rfs_time time_to_event "
    "vital_status days_to_death days_to_last_followup days_to_last_follow_up subtype "
    "cancer_subtype molecular_subtype cluster class label labels target outcome "
    "diagnosis cell_type celltype tumor_type cancer_type histological_type".split()
)
# What else clinical tables hold.
_CLINICAL = frozenset(
    "age age_years age_at_diagnosis age_at_initial_pathologic_diagnosis days_to_birth "
    "sex gender stage tumor_stage pathologic_stage ajcc_stage grade tumor_grade "
    "histological_grade".split()
)
# What pandas, R and readr make of a column without a name.
_NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?|__index_level_\d+__|\.\.\.\d+")
_COUNTERS = frozenset(
    "index level_0 row rows row_id row_index row_number row_num row_name row_names "
    "rowid rowname rownames rownum rn no no_ nr num number obs # serial serial_no s_no "
    "sl_no sr_no".split()
)
# Names of counters if they come first; elsewhere they may well be of values.
_FIRST_COUNTERS = _COUNTERS | frozenset(["x", "n", "v1"])


def simplify(name):
    """Return a name in small letters, with underscores for dots, dashes and spaces."""
    return re.sub(r"[\s.-]+", "_", name.strip().lstrip("#").strip().lower())


def is_nameless(name):
    """Tell whether a column has no name, or one that stands for none."""
    return _NAMELESS.fullmatch(name) is not None


def is_counter_name(name):
    """Tell whether a column is called as those are that count the rows."""
    return is_nameless(name) or simplify(name) in _COUNTERS


def is_first_counter_name(name):
    """Tell whether a first column is called as those are that count the rows."""
    return is_nameless(name) or simplify(name) in _FIRST_COUNTERS


def is_id_name(name):
    """Tell whether a column is called as those are that name the rows."""
    return simplify(name) in _IDS


def is_sample_id_name(name):
    """Tell whether a column is called as ids of samples, and nothing else, are."""
    return simplify(name) in _SAMPLE_IDS


def is_counter(values):
    """Tell whether text counts the rows, from 0 or 1."""
    if not len(values) or values[0] not in ("0", "1"):
        return False
    first = int(values[0])
    return all(v == str(i) for i, v in enumerate(values, start=first))


def has_counter_first(names, cells):
    """Tell whether a table seems to hold a counter before its ids.

    Parameters
    ----------
    names : list of str
        The names of its columns.

    cells : list of str
        Its first row.

    Returns
    -------
    has_counter_first : bool
        Whether the second column, not the first, seems to name the rows. The first
        is a counter only if `is_counter` says so of all its cells.
    """
    if len(names) < 3:
        return False
    first, second = names[0], names[1]
    if is_sample_id_name(second):
        # Names of rows may have no name, numbers of rows are whole.
        return not is_nameless(first) or cells[0].isdecimal()
    if is_first_counter_name(first) and has_counter_first(names[1:], cells[1:]):
        return True  # two counters
    if cells[0] not in ("0", "1") or _is_fraction(cells[1]):
        return False
    if is_first_counter_name(first) and not _is_number(cells[1]):
        return True
    is_counter_name = is_first_counter_name(first) or not is_id_name(first)
    return is_counter_name and is_id_name(second)


def _is_fraction(cell):
    return re.fullmatch(r"-?\d*[.,]\d*[1-9]\d*(e-?\d+)?", cell) is not None


def _is_number(cell):
    if re.fullmatch(r"0\d+", cell):  # an id that keeps its zeros
        return False
    if cell.strip("<#>").lower() in ("", "na", "n/a", "null", "none", "true", "false"):
        return True
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def outcomes_among(names, *, with_clinical):
    """Return the names that are of outcomes or classes of samples.

    Parameters
    ----------
    names : Index
        Names of features.

    with_clinical : bool
        Whether to return other clinical data, such as age, too.

    Returns
    -------
    outcomes : list of str
        The names.
    """
    known = _OUTCOMES | _CLINICAL if with_clinical else _OUTCOMES
    return [name for name in map(str, names) if simplify(name) in known]
