-- What the bench needs of Prosody and no setting gives.
module:set_global();

-- A write-ahead log as our relay's: one fsync a message where the rollback journal makes four.
local file = require "util.paths".resolve_relative_path(prosody.paths.data, "prosody.sqlite");
local database = assert(require "DBI".Connect("SQLite3", file));
database:autocommit(true);
assert(assert(database:prepare("PRAGMA journal_mode = WAL")):execute());
database:close();

module:hook_global("server-started", function ()
	local _, listener = assert(require "core.portmanager".get_service_at("127.0.0.1", 0));
	local _, port = listener.conn:getsockname();
	io.stdout:write("listening on http://127.0.0.1:", port, "\n");
	io.stdout:flush();
end);
