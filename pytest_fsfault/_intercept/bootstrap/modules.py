"""What an interpreter loads as it attaches, each module after those that it imports.

So they are loaded one after another, without the import system; tests/intercept/bootstrap/test_modules.py tells what
is missing here, or too much.
"""

_PACKAGE = __name__.partition(".")[0]
_NAMES = """
    _intercept.children.child _core _core.weak _core.locks _core.language _core.language.mistakes
    _core.language.rows _core.real_clock _core.stamps _core.waiter _core.clock _core.engine
    _core.engine.endings _core.language.operations _intercept.children.protocol _intercept.children.shapes
    _intercept.children.child.answers _core.language.roots _host.paths _host.originals _intercept.children.transport _intercept.children.endpoints
    _intercept.children.child.connection _intercept.virtual_time _core.activity _host.package
    _intercept.virtual_time.alarms _intercept.children.child.remote_clock _core.engine.counts
    _core.language.deferred _core.engine.guard _core.engine.interfaces
    _core.engine.records _intercept.children.child.remote_calls _core.engine.listings
    _core.engine.status _host.temporary_files _host.tree_removal _intercept.calls _host.descriptors
    _intercept.calls.paths _intercept.patching _intercept.patching.callers
    _intercept.patching.mocks _intercept.calls.state _intercept.children.child.remote_model
    _intercept.children.child.remote_engine _intercept.children.shared_page _intercept.patching.patches
    _host.processes _intercept.virtual_time.idle _intercept.virtual_time.travel
    _intercept.virtual_time.limits _intercept.virtual_time.pollers _intercept.virtual_time.threads
    _intercept.children.child.attach _host.whole _intercept.calls.changes _intercept.calls.gates
    _core.engine.trial_marks _core.engine.pending _core.engine.execution _intercept.calls.arguments
    _host.command_lines _intercept.calls.functions _intercept.calls.events _intercept.calls.outside
    _intercept.calls.refusals _intercept.patching.tracebacks _intercept.calls.wrapper
    _intercept.patching.instructions _intercept.patching.early_bound _intercept.patching.late
    _intercept.virtual_time.scope _intercept.virtual_time.asyncio_clock _intercept.virtual_time.calendar
    _intercept.virtual_time.asyncio_waits _intercept.virtual_time.process_pipes
    _intercept.virtual_time.process_timeouts
    _intercept.virtual_time.external_waits _intercept.virtual_time.file_stamps _intercept.virtual_time.joins
    _intercept.virtual_time.threading_waits _intercept.virtual_time.time_functions
    _intercept.calls.audit_hook _host.links _intercept.calls.path_questions _intercept.calls.descriptors
    _intercept.calls.one_path _intercept.calls.short_writes _intercept.calls.file_looks _intercept.calls.open_files
    _intercept.calls.opening _intercept.calls.two_paths _intercept.calls.installation
    _intercept.calls.model_patches _intercept.fake _intercept.fake.isolation _intercept.fake.import_hook
    _intercept.fake.detection _intercept.fake.system_hints _intercept.interceptor _core.language.winerrors
    _core.language.errors _core.language.tokens _core.language.faults _core.engine.refusals
    _core.language.error_rows _core.language.legible _intercept.children.message_log
    _intercept.children.child.needed
"""

#: The names of the modules.
MODULES = tuple([f"{_PACKAGE}.{name}" for name in _NAMES.split()])
