-- Prosody as a server of stored group chat: whatever is said in a room is in its archive before anybody is told.
-- PARLEY_DATA is where it keeps everything, PARLEY_PLUGINS the folder of this file.
run_as_root = true
data_path = ENV_PARLEY_DATA
plugin_paths = { ENV_PARLEY_PLUGINS }
log = { warn = "*console" }

interfaces = { "127.0.0.1" }
http_ports = { 0 }
https_ports = {}
c2s_ports = {}
s2s_ports = {}
network_backend = "epoll"
network_settings = { nagle = false }
consider_websocket_secure = true

-- Its default collects garbage nearly all the time: a message to three hundred members costs three times as much.
gc = { mode = "generational" }

modules_enabled = { "peer", "saslauth", "websocket" }
modules_disabled = { "offline", "s2s", "tls" }
default_storage = "sql"
sql = { driver = "SQLite3", database = "prosody.sqlite" }

VirtualHost "localhost"
authentication = "anonymous"

Component "rooms.localhost" "muc"
modules_enabled = { "muc_mam" }
muc_log_by_default = true
muc_room_default_persistent = true
muc_room_locking = false
-- Past this many (100 unless told) rooms with people in them are put away and read again for each message.
muc_room_cache_size = 1000
-- Nobody is told who comes: messages are measured.
muc_room_default_presence_broadcast = { moderator = false, participant = false, visitor = false }
