"""What no service needs, and what code would need to lie about its own tests: rules and names.

`suspects` looks for these in what a patch adds. Each rule has a stable id.
"""

from __future__ import annotations

from typing import NamedTuple


class Suspect(NamedTuple):
    """One find: the rule's id, what was found, and where (1-based line)."""

    rule: str
    detail: str
    line: int


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


RULES = {
    "test-detection": "looks whether it is being tested",
    "caller-inspection": "looks at its caller or at other frames",
    "process-exit": "ends the process behind Python's back, or runs code while it ends",
    "interpreter-hooks": "hooks into the interpreter (tracing, auditing, importing, collecting)",
    "dynamic-code": "makes code at run time",
    "dynamic-attribute": "reads or sets attributes whose names are not written out",
    "double-underscore": "reaches for the object model",
    "patching": "changes something that another module owns",
    "module-as-value": "hands a whole module around",
    "raw-descriptor": "reads or writes file descriptors that it did not open",
    "process-files": "reads what the system tells about processes",
    "processes": "starts or signals processes",
    "own-operators": "gives objects operators of their own, which answer a test's claims",
    "unsafe-loading": "loads data that can call anything",
    "test-hooks": "steers pytest, which a test has no need of",
    "startup-file": "adds a file that runs by itself",
    "shadowing": "adds a module under a name that another package owns",
}

_MODULES_BY_RULE = {
    "test-detection": (
        "pytest _pytest pluggy unittest doctest nose pytest_asyncio hypothesis mock conftest test"
    ),
    "caller-inspection": "linecache",
    "process-exit": "atexit",
    "processes": "_posixsubprocess posix nt pty ptrace subprocess multiprocessing _multiprocessing",
    "interpreter-hooks": (
        "gc ctypes _ctypes cffi _testcapi _testinternalcapi _testlimitedcapi faulthandler trace bdb pdb"
        " cProfile profile tracemalloc _weakref _thread _imp imp zipimport pkgutil runpy site builtins"
        " _signal concurrent.interpreters _interpreters _xxsubinterpreters _tracemalloc _lsprof"
    ),
    "patching": "wrapt forbiddenfruit",
    "dynamic-code": "code codeop dis opcode timeit pydoc _ast symtable libcst jinja2.nativetypes numexpr",
    "unsafe-loading": "pickle _pickle marshal shelve dill cloudpickle copyreg logging.config joblib",
    "raw-descriptor": "mmap fcntl",
}
MODULES = {name: rule for rule, names in _MODULES_BY_RULE.items() for name in names.split()}
"""Modules that a patch may not begin to import, and the rule that says so."""

POWERFUL = frozenset(
    {"sys", "os", "bltns", "_sys", "_os", "importlib", "inspect", "signal", *MODULES}
) - frozenset({"test", "code", "trace", "profile", "site", "mock", "imp"})
"""Names of modules that may not be fetched out of another module, as in `logging.sys`."""

UNMISTAKABLE = POWERFUL & words(
    "sys os builtins bltns _sys _os gc inspect ctypes importlib subprocess unittest pytest _pytest pickle"
    " marshal faulthandler atexit runpy pkgutil posix linecache multiprocessing"
)
"""Of these, names that no attribute of anything else has."""

ALLOWED = {
    "sys": (
        "argv path exit stdout stderr stdin platform version version_info maxsize byteorder executable"
        " getsizeof float_info int_info prefix base_prefix implementation hexversion getdefaultencoding"
        " getfilesystemencoding getrecursionlimit setrecursionlimit intern exc_info"
    ),
    "os": (
        "environ getenv path getpid getcwd makedirs mkdir listdir remove replace rename unlink rmdir stat"
        " lstat cpu_count urandom sep linesep name fspath walk scandir access chmod utime times error"
        " get_terminal_size R_OK W_OK X_OK F_OK PathLike DirEntry curdir pardir extsep altsep pathsep fsync"
        " nice fsencode fsdecode statvfs SEEK_SET SEEK_END truncate link"
        " readlink symlink getloadavg strerror devnull umask process_cpu_count"
    ),
    "signal": (
        "SIGTERM SIGINT SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGPIPE signal Signals SIG_IGN SIG_DFL strsignal"
        " default_int_handler getsignal Handlers"
    ),
    "traceback": (
        "format_exc print_exc format_exception print_exception format_exception_only format_tb print_tb"
    ),
    "inspect": (
        "iscoroutinefunction isawaitable iscoroutine isasyncgen isasyncgenfunction isclass isfunction"
        " ismethod signature Parameter Signature cleandoc getdoc"
    ),
    "types": "SimpleNamespace MappingProxyType TracebackType ModuleType NoneType UnionType GenericAlias",
    "weakref": "WeakSet WeakKeyDictionary WeakValueDictionary WeakMethod ref proxy ReferenceType",
    "importlib": "metadata resources",
    "string": (
        "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits punctuation printable"
        " whitespace capwords Template"
    ),
}
"""Of these modules a patch may begin to use just these members."""
OTHERWISE = {
    "sys": "interpreter-hooks",
    "os": "processes",
    "signal": "processes",
    "traceback": "caller-inspection",
    "inspect": "caller-inspection",
    "types": "dynamic-code",
    "weakref": "process-exit",
    "importlib": "dynamic-code",
    "string": "dynamic-attribute",
}
"""The rule that speaks of their other members, where the member has none of its own."""

_NAMES_BY_RULE = {
    "dynamic-code": "eval exec compile __import__ globals vars locals breakpoint",
    "dynamic-attribute": "delattr",
    "interpreter-hooks": "__builtins__ __loader__ __spec__",
}
NAMES = {name: rule for rule, names in _NAMES_BY_RULE.items() for name in names.split()}
"""Builtins that a patch may not begin to use."""

_ATTRIBUTES_BY_RULE = {
    "caller-inspection": (
        "_getframe _current_frames _current_exceptions _getframemodulename f_back f_globals f_locals f_code"
        " f_builtins f_trace f_lineno f_lasti tb_frame tb_next tb_lineno gi_frame gi_code cr_frame cr_code"
        " ag_frame ag_code cr_await gi_yieldfrom get_stack print_stack currentframe findCaller walk_stack"
        " walk_tb extract_stack extract_tb getouterframes getinnerframes last_traceback getsource"
        " getsourcefile print_call_graph capture_call_graph catch_warnings showwarning formatwarning"
        " setLogRecordFactory setLoggerClass StackSummary TracebackException"
    ),
    "dynamic-code": (
        "co_code co_consts co_names co_varnames co_filename co_name CodeType FunctionType ForwardRef"
        " get_type_hints _evaluate create_model make_dataclass resolve_name import_module"
        " evaluate_forward_ref"
    ),
    "interpreter-hooks": (
        "settrace setprofile addaudithook meta_path path_hooks path_importer_cache excepthook unraisablehook"
        " settrace_all_threads setprofile_all_threads get_objects get_referrers get_referents"
        " spec_from_loader spec_from_file_location module_from_spec SourceFileLoader SourcelessFileLoader mro"
        " set_asyncgen_hooks set_coroutine_origin_tracking_depth"
    ),
    "process-exit": "_exit register_at_fork _exithandlers _register_atexit",
    "processes": (
        "forkpty posix_spawn posix_spawnp killpg pthread_kill raise_signal setitimer create_subprocess_exec"
        " create_subprocess_shell subprocess_exec subprocess_shell set_wakeup_fd tgkill"
        " ProcessPoolExecutor"
    ),
    "raw-descriptor": "fdopen dup2 FileIO fromfd sendfile pwrite memfd_create open_code",
    "unsafe-loading": "unsafe_load full_load UnsafeLoader FullLoader dictConfig read_pickle",
    "dynamic-attribute": "attrgetter methodcaller",
    "patching": "setcontext simplefilter filterwarnings",
    "test-detection": (
        "call_args call_args_list mock_calls method_calls side_effect reset_mock await_args await_args_list"
    ),
}
ATTRIBUTES = {name: rule for rule, names in _ATTRIBUTES_BY_RULE.items() for name in names.split()}
"""Attributes, and names imported from a module, that a patch may not begin to use."""

KEYWORDS = {
    "stacklevel": "caller-inspection",
    "fileno": "raw-descriptor",
    "opener": "raw-descriptor",
    "metaclass": "double-underscore",
    "preexec_fn": "processes",
    "allow_pickle": "unsafe-loading",
    "assigned": "patching",
}
"""Keyword arguments that a patch may not begin to pass."""

DUNDER_READ = words(
    "__name__ __file__ __doc__ __version__ __init__ __main__ __all__ __post_init__ __future__"
    " __class__ __qualname__ __cause__ __annotations__ __notes__ __enter__ __exit__ __aenter__"
    " __aexit__ __len__ __str__ __repr__ __members__ __slots__"
    " __contains__ __getitem__ __iter__ __next__ __eq__ __ne__ __lt__ __gt__ __le__ __ge__ __hash__ __call__"
)
"""Double-underscore names that code may use like any other."""
DUNDER_DEFINED = DUNDER_READ | words(
    "__new__ __call__ __iter__ __next__ __aiter__ __anext__ __await__ __contains__ __getitem__"
    " __setitem__ __delitem__ __lt__ __le__ __gt__ __ge__ __hash__ __add__ __sub__ __mul__ __truediv__"
    " __iadd__ __neg__ __float__ __int__ __index__ __format__ __bytes__ __round__ __abs__ __reversed__"
    " __eq__ __ne__ __bool__ __getattr__ __missing__"
)
"""Special methods that a class may define."""

_STRINGS_BY_RULE = {
    "test-detection": (
        "PYTEST pytest conftest unittest UNITTEST AUTOHEALER autohealer /work"
        " /tests tox.ini setup.cfg pyproject.toml"
    ),
    "startup-file": "sitecustomize usercustomize .pth",
    "process-files": "/proc/ /dev/fd",
    "caller-inspection": "_getframe f_back tb_frame f_globals f_locals",
    "interpreter-hooks": "settrace ctypes",
}
STRINGS = {text: rule for rule, texts in _STRINGS_BY_RULE.items() for text in texts.split()}
"""Parts of string literals that a patch may not add."""

DENIED_TO_TESTS = words(
    "eval exec compile _exit _getframe f_back f_globals f_locals f_code f_trace co_code co_consts"
    " settrace setprofile addaudithook sys.settrace sys.setprofile sys.addaudithook sys._getframe"
    " os._exit FunctionType CodeType types.FunctionType types.CodeType"
) | frozenset({"import ctypes", "import gc", "import atexit", "import _pytest", "the text '/proc/'"})
"""Details that are refused in a patch's new test files, where most else is a test's daily bread."""
