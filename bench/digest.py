"""bench/digest.py -- digests of Arrow tables that are equal for equal rows of different engines.

Rows count in any order; with keys these columns count once more, in order. Engines give one
value different types (INT128, DECIMAL, DOUBLE): numbers that are whole and below 2^53 are hashed with
the row's other columns, the others are summed, plainly and with weights that the row's hash gives
(so a value in a wrong row is seen), and compared to nine digits.
"""
import numpy as np
import pyarrow as pa

BATCH_ROWS = 1 << 18
WHOLE_MAX = 2.0 ** 53
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
NULL = np.uint64(0x5851F42D4C957F2D)


def mix(values):
    values = (values ^ (values >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return values ^ (values >> np.uint64(29))


def powers(n):
    return np.cumprod(np.concatenate([[np.uint64(1)], np.full(n, MULTIPLIER)]), dtype=np.uint64)


def hash_strings(array):
    array = array.cast(pa.large_string()) if array.type != pa.large_binary() else array
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset:][:len(array) + 1]
    data = array.buffers()[2]
    data = np.frombuffer(data, np.uint8)[offsets[0]:offsets[-1]] if data else np.empty(0, np.uint8)
    offsets = offsets - offsets[0]
    lengths = np.diff(offsets)
    position = np.arange(len(data)) - np.repeat(offsets[:-1], lengths)
    terms = (data.astype(np.uint64) + np.uint64(1)) * powers(int(lengths.max(initial=0)))[position]
    sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def numbers(array):
    """Values of a numeric array (nulls are 0): int64 or float64. None: it is not numeric."""
    kind = array.type
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16: # our INT128
        pairs = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)
        pairs = pairs[array.offset:][:len(array)]
        low, high = pairs[:, 0].copy(), pairs[:, 1]
        values = np.where(high == low >> 63, low, high * 2.0 ** 64 + low.view(np.uint64))
        return np.where(array.is_valid().to_numpy(zero_copy_only=False), values, 0.0)
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return array.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        array = array.cast(pa.timestamp("us")) if not pa.types.is_time(kind) else array
        return array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return array.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
    return None


def is_whole(values):
    return bool(np.all(np.abs(values) < WHOLE_MAX) and
                (values.dtype != np.float64 or np.all(values == np.floor(values))))


def plain(column):
    """An array without a dictionary, and of an extension type what it is stored as."""
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def fractional(batches, n_columns):
    """Numbers of the columns whose values are summed."""
    found = set()
    for batch in batches:
        for number in range(n_columns):
            if number not in found:
                values = numbers(plain(batch.column(number)))
                if values is not None and not is_whole(values):
                    found.add(number)
    return found


def hash_column(column):
    values = numbers(column)
    if values is not None:
        hashes = values.astype(np.int64).view(np.uint64)
    elif any(test(column.type) for test in (pa.types.is_string, pa.types.is_large_string,
                                            pa.types.is_string_view)):
        hashes = hash_strings(column)
    else:
        hashes = hash_strings(pa.array([str(v) for v in column.to_pylist()], pa.large_string()))
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), hashes, NULL)


def one(table, ordered):
    """The digest of a table's rows: numbers and texts, which JSON can hold."""
    batches = [b for b in table.to_batches(max_chunksize=BATCH_ROWS) if b.num_rows]
    summed = fractional(batches, table.num_columns)
    total, first, sums = 0, 0, {number: [0.0] * 4 for number in summed}
    with np.errstate(over="ignore", invalid="ignore"):
        for batch in batches:
            columns = [plain(column) for column in batch.columns]
            rows = np.zeros(batch.num_rows, np.uint64)
            for number, column in enumerate(columns):
                if number not in summed:
                    rows = mix(rows * np.uint64(31) + hash_column(column) + np.uint64(number))
            place = np.arange(first, first + len(rows), dtype=np.uint64) * np.uint64(2)
            total += int(np.sum(rows * (place + np.uint64(1)) if ordered else rows, dtype=np.uint64))
            first += len(rows)
            weights = (rows >> np.uint64(40)) / 2.0 ** 24
            for number in summed:
                values = np.nan_to_num(numbers(columns[number]).astype(np.float64))
                parts = (values.sum(), np.abs(values).sum(), (values * weights).sum(),
                         columns[number].null_count)
                sums[number] = [float(a + b) for a, b in zip(sums[number], parts)]
    return {"rows": table.num_rows, "columns": table.num_columns, "hash": total % 2 ** 64,
            "sums": {str(number): four for number, four in sums.items()}}


def of(table, keys=None, complete=True):
    """The digests of a table: of all rows if complete, and of the keys in order."""
    digests = {"rows": one(table, False)} if complete else {}
    return digests | ({"order": one(table.select(keys), True)} if keys else {})


def difference(ours, theirs):
    """What is different in two digests, in a few words; "": nothing."""
    for part, mine in ours.items():
        found = difference_in(mine, theirs[part])
        if found:
            return f"order: {found}" if part == "order" else found
    return ""


def difference_in(ours, theirs):
    for what in ("rows", "columns"):
        if ours[what] != theirs[what]:
            return f"{what} differ: {ours[what]}, {theirs[what]}"
    if ours["sums"].keys() != theirs["sums"].keys():
        return "fractions in different columns"
    if ours["hash"] != theirs["hash"]:
        return "answers differ"
    for number, mine in ours["sums"].items():
        other = theirs["sums"][number]
        slack = 1e-9 * max(mine[1], other[1])
        if mine[3] != other[3]:
            return f"nulls differ in column {int(number) + 1}: {mine[3]:g}, {other[3]:g}"
        if any(abs(a - b) > slack for a, b in zip(mine[:3], other[:3])):
            return f"sums differ in column {int(number) + 1}: {mine[0]:.12g}, {other[0]:.12g}"
    return ""
