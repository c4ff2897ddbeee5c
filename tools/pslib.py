"""tools/pslib.py -- the C API through ctypes, as far as benchmarks and long tests need it.

Not the Python package: no data frames, no types; results are pyarrow tables.
"""
import ctypes
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("line", ctypes.c_uint32), ("column", ctypes.c_uint32),
                ("offset", ctypes.c_uint32), ("message", ctypes.c_char * 1024),
                ("hint", ctypes.c_char * 256), ("excerpt", ctypes.c_char * 512)]


class InstanceOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("threads", ctypes.c_uint32),
                ("memory_bytes_max", ctypes.c_uint64), ("temp_directory", ctypes.c_char_p),
                ("temp_bytes_max", ctypes.c_uint64), ("timeout_ms", ctypes.c_uint64),
                ("rows_scanned_max", ctypes.c_uint64), ("result_bytes_max", ctypes.c_uint64)]


class Failure(Exception):
    """A status of the library: name ("MEMORY") and message."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name


def failure_of(session, query):
    """The failure that a query must end in."""
    try:
        session.sql(query)
    except Failure as failure:
        return failure
    raise AssertionError(f"succeeded: {query}")


class Session:
    """One session on an instance of its own. One thread at a time, but for cancel()."""

    def __init__(self, library=None, threads=0, memory_bytes_max=0, temp_bytes_max=0):
        self.lib = ctypes.CDLL(library or f"{ROOT}/build/release/libpenstock.so")
        self.lib.ps_status_name.restype = ctypes.c_char_p
        self.lib.ps_result_columns.restype = ctypes.c_uint32
        options = InstanceOptions(ctypes.sizeof(InstanceOptions), threads, memory_bytes_max, None,
                                  temp_bytes_max)
        self.instance, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("ps_instance_new", ctypes.byref(options), ctypes.byref(self.instance))
        self.call("ps_session_new", self.instance, ctypes.byref(self.session))

    def call(self, name, *args):
        error = Error()
        code = getattr(self.lib, name)(*args, ctypes.byref(error))
        if code:
            where = f"\n{error.excerpt.decode()}" if error.excerpt else ""
            raise Failure(self.lib.ps_status_name(code).decode(), error.message.decode() + where)

    def another(self):
        """One more session of the same instance; to be closed with close_session, before this one."""
        other = Session.__new__(Session)
        other.lib, other.instance, other.session = self.lib, self.instance, ctypes.c_void_p()
        other.call("ps_session_new", other.instance, ctypes.byref(other.session))
        return other

    def close_session(self):
        self.lib.ps_session_free(self.session)
        self.session = None

    def open(self, text):
        """Runs one statement; a pyarrow.RecordBatchReader of its rows, None if it gives none."""
        import pyarrow as pa
        result = ctypes.c_void_p()
        data = text.encode() if isinstance(text, str) else text
        self.call("ps_session_sql", self.session, data, ctypes.c_size_t(len(data)), None,
                  ctypes.byref(result))
        if self.lib.ps_result_columns(result) == 0:
            self.lib.ps_result_free(result)
            return None
        stream = (ctypes.c_void_p * 5)() # struct ArrowArrayStream; pyarrow moves it out
        address = ctypes.addressof(stream)
        self.call("ps_result_stream", result, ctypes.c_void_p(address))
        return pa.RecordBatchReader._import_from_c(address)

    def sql(self, text):
        """Runs one statement; a pyarrow table of its rows, None if it gives none."""
        import pyarrow as pa
        try:
            reader = self.open(text)
            return reader and reader.read_all()
        except (pa.ArrowException, OSError) as failed: # the message is "CODE: text"
            name, colon, message = str(failed).partition(": ")
            if not colon or not name.isupper():
                raise
            raise Failure(name, message) from failed

    def cancel(self):
        self.lib.ps_session_cancel(self.session)

    def close(self):
        self.lib.ps_session_free(self.session)
        self.lib.ps_instance_free(self.instance)
        self.session = self.instance = None
