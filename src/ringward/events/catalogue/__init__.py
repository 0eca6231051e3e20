"""Every event, one file each. This list is the catalogue; a test finds a file that is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringward.events.catalogue.autoload_verdict import AutoloadVerdict
from ringward.events.catalogue.create_module import CreateModule
from ringward.events.catalogue.delete_module import DeleteModule
from ringward.events.catalogue.do_init_module import DoInitModule
from ringward.events.catalogue.events_limited import EventsLimited
from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.catalogue.finit_module import FinitModule
from ringward.events.catalogue.get_kernel_syms import GetKernelSyms
from ringward.events.catalogue.init_module import InitModule
from ringward.events.catalogue.io_uring import IoUring
from ringward.events.catalogue.module_digest import ModuleDigest
from ringward.events.catalogue.module_free import ModuleFree
from ringward.events.catalogue.module_load import ModuleLoad
from ringward.events.catalogue.module_request import ModuleRequest
from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.events.catalogue.process_exec import ProcessExec
from ringward.events.catalogue.process_exit import ProcessExit
from ringward.events.catalogue.process_fork import ProcessFork
from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.catalogue.query_module import QueryModule
from ringward.events.catalogue.self_verdict import SelfVerdict
from ringward.events.catalogue.sensor_status import SensorStatus
from ringward.events.catalogue.syscall import Syscall
from ringward.events.catalogue.udev_device import UdevDevice
from ringward.events.catalogue.unload_verdict import UnloadVerdict
from ringward.events.catalogue.usermodehelper import Usermodehelper

if TYPE_CHECKING:
    from ringward.events.args import Args

CATALOGUE: tuple[type[Args], ...] = (
    CreateModule,
    InitModule,
    FinitModule,
    DeleteModule,
    QueryModule,
    GetKernelSyms,
    ModuleRequest,
    Usermodehelper,
    UdevDevice,
    Syscall,
    IoUring,
    ModuleDigest,
    ModuleLoad,
    DoInitModule,
    ModuleFree,
    ProcessExec,
    ProcessExit,
    ProcessFork,
    ModuleVerdict,
    AutoloadVerdict,
    UnloadVerdict,
    ProgramVerdict,
    SelfVerdict,
    EventsLost,
    EventsLimited,
    SensorStatus,
)
