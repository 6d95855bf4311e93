#!/usr/bin/env python3
"""Print the two packets that HAProxy sends to check a node, as haproxy.cfg.in has them in hexadecimal digits.

The packets: https://mariadb.com/docs/server/reference/clientserver-protocol
"""

USER = b"scoring_check"
PLUGIN = b"mysql_native_password"
CLIENT_MYSQL, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH = 0x1, 0x200, 0x8000, 0x80000
UTF8MB4 = 45
QUERY_COMMAND = b"\x03"
# "is=Primary,4,ON." for a node that takes part: cluster status, local state and ready, in the order of their names.
QUERY = (
    b"SELECT CONCAT('is=',GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME),'.') AS state"
    b" FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN"
    b" ('WSREP_CLUSTER_STATUS','WSREP_LOCAL_STATE','WSREP_READY')"
)


def packet(number, content):
    return len(content).to_bytes(3, "little") + bytes([number]) + content


def login():
    flags = CLIENT_MYSQL | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH
    largest_packet = 1 << 24
    content = flags.to_bytes(4, "little") + largest_packet.to_bytes(4, "little") + bytes([UTF8MB4]) + bytes(23)
    no_password = b"\x00"  # the length of the answer to the server's challenge
    return packet(1, content + USER + b"\x00" + no_password + PLUGIN + b"\x00")


def query():
    return packet(0, QUERY_COMMAND + QUERY)


if __name__ == "__main__":
    print(f"LOGIN={login().hex()}")
    print(f"QUERY={query().hex()}")
