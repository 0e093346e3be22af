"""Results that are refusals: what Windows calls the status, and which error a program gets for it.

Sources: [MS-ERREF] 2.3.1 for the status codes behind the texts (procmon-parser `consts.py` has them by number), and
`RtlNtStatusToDosError` as Wine's `dlls/ntdll/error.c` has it for the error of Windows.
"""

from __future__ import annotations

#: The error of Windows by the text of the column Result.
REFUSALS = {
    "ACCESS DENIED": 5,  # 0xC0000022
    "SHARING VIOLATION": 32,  # 0xC0000043
    "FILE LOCK CONFLICT": 33,  # 0xC0000054
    "LOCK NOT GRANTED": 33,  # 0xC0000055
    "NOT GRANTED": 33,  # the same, in PML files
    "DELETE PENDING": 5,  # 0xC0000056
    "PRIVILEGE NOT HELD": 1314,  # 0xC0000061
    "DISK FULL": 112,  # 0xC000007F
    "MEDIA WRITE PROTECTED": 19,  # 0xC00000A2
    "DIRECTORY NOT EMPTY": 145,  # 0xC0000101
    "NOT EMPTY": 145,  # the same, in PML files
    "CANNOT DELETE": 5,  # 0xC0000121
    "FILE DELETED": 5,  # 0xC0000123
    "USER MAPPED FILE": 1224,  # 0xC0000243
}
