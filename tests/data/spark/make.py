#!/usr/bin/env python3
"""tests/data/spark/make.py FOLDER -- the Parquet files of this folder, as Spark writes them by default.

Run once with pyspark 4.0 (needs a JVM); the files are committed, so that no test needs either.
`int96` has timestamps as Spark wrote them until version 3.
"""
import datetime
import decimal
import glob
import os
import shutil
import sys

from pyspark.sql import SparkSession
from pyspark.sql import types as t

ROWS = 300


def flat_rows():
    for i in range(ROWS):
        if i % 10 == 9:
            yield (i,) + (None,) * 13
            continue
        yield (i, i % 2 == 0, i % 120 - 60, i * 7 - 1000, i * 1000003, i * 10000000019, i / 8,
               i * 0.1, decimal.Decimal(i * 37) / 100, decimal.Decimal(i) * 10**15 / 1000,
               decimal.Decimal(-i) * 10**26 / 10**4, f"text {i % 40}", bytes([i % 256, 0, 255]),
               datetime.date(1969, 12, 1) + datetime.timedelta(days=i))


FLAT = t.StructType([
    t.StructField("id", t.IntegerType(), False), t.StructField("b", t.BooleanType()),
    t.StructField("i8", t.ByteType()), t.StructField("i16", t.ShortType()),
    t.StructField("i32", t.IntegerType()), t.StructField("i64", t.LongType()),
    t.StructField("f32", t.FloatType()), t.StructField("f64", t.DoubleType()),
    t.StructField("d9", t.DecimalType(9, 2)), t.StructField("d18", t.DecimalType(18, 3)),
    t.StructField("d38", t.DecimalType(38, 4)), t.StructField("s", t.StringType()),
    t.StructField("bin", t.BinaryType()), t.StructField("day", t.DateType())])


def stamp_rows():
    for i in range(ROWS):
        at = datetime.datetime(1999, 12, 31, 23, 0, 0, 123456) + datetime.timedelta(hours=i)
        yield (i, None if i % 10 == 9 else at)


STAMP = t.StructType([t.StructField("id", t.IntegerType(), False),
                      t.StructField("ts", t.TimestampType())])
NTZ = t.StructType([t.StructField("id", t.IntegerType(), False),
                    t.StructField("ts", t.TimestampNTZType())])


def nested_rows():
    for i in range(ROWS):
        items = None if i % 7 == 0 else [None if k % 5 == 4 else i * 10 + k for k in range(i % 6)]
        pairs = None if i % 11 == 0 else {f"k{k}": None if k == 2 else i + k for k in range(i % 4)}
        struct = None if i % 13 == 0 else (i, None if i % 3 == 0 else f"name {i}")
        deep = None if i % 5 == 0 else [(i, [i, None]), None, (None, [])][:i % 4]
        yield (i, items, pairs, struct, deep)


NESTED = t.StructType([
    t.StructField("id", t.IntegerType(), False),
    t.StructField("items", t.ArrayType(t.IntegerType())),
    t.StructField("pairs", t.MapType(t.StringType(), t.IntegerType())),
    t.StructField("st", t.StructType([t.StructField("a", t.IntegerType()),
                                      t.StructField("b", t.StringType())])),
    t.StructField("deep", t.ArrayType(t.StructType([
        t.StructField("x", t.IntegerType()),
        t.StructField("l", t.ArrayType(t.IntegerType()))])))])


def main(folder):
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").getOrCreate())

    def write(name, rows, schema, **options):
        out = os.path.join(folder, name + ".tmp")
        for key, value in options.items():
            spark.conf.set(key.replace("__", "."), value)
        spark.createDataFrame(list(rows), schema).coalesce(1).write.mode("overwrite").parquet(out)
        part, = glob.glob(out + "/part-*.parquet")
        shutil.move(part, os.path.join(folder, name + ".parquet"))
        shutil.rmtree(out)

    write("flat", flat_rows(), FLAT)
    write("nested", nested_rows(), NESTED)
    write("ntz", stamp_rows(), NTZ)
    write("stamps", stamp_rows(), STAMP, spark__sql__parquet__outputTimestampType="TIMESTAMP_MICROS")
    write("int96", stamp_rows(), STAMP, spark__sql__parquet__outputTimestampType="INT96")
    write("legacy", flat_rows(), FLAT, spark__sql__parquet__writeLegacyFormat="true")
    write("nested_legacy", nested_rows(), NESTED)
    write("none", [], FLAT, spark__sql__parquet__writeLegacyFormat="false")


if __name__ == "__main__":
    main(sys.argv[1])
