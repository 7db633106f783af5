//! Every address of the relay, once: one table builds the router and the document that describes it (OpenAPI 3.1).

mod bounds;
mod describe;
mod document;
mod operation;

use std::sync::LazyLock;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};

use super::{
    account, calls, chat, export, files, guests, health, invites, pages, people, profile, registration, rooms,
};
use crate::app::App;
use crate::ws;
use describe::Described;
use operation::Operation;

/// Every address. Operations of one tag stand together.
fn table() -> Table {
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    Table::new("/api/v1")
        .tag("Accounts")
        .op(&post, "/auth/sign-up", account::sign_up, &[403, 409], "Makes an account and signs in a device.")
        .op(&post, "/auth/sign-in", account::sign_in, &[401], "Signs in a device.")
        .op(&post, "/auth/refresh", account::refresh, &[401], "Spends a refresh token for a new session.")
        .op(&post, "/auth/sign-out", account::sign_out, &[], "Signs out the asking device.")
        .op(&get, "/auth/validate", account::validate, &[], "Says whose access token it is.")
        .op(&get, "/devices", account::devices, &[], "Lists my devices, last used first.")
        .op(&delete, "/devices", account::revoke_others, &[], "Signs out all my devices but the asking one.")
        .op(&delete, "/devices/{device_id}", account::revoke, &[], "Signs out one of my devices.")
        .op(&get, "/me", profile::profile, &[], "Gives what only I am told about myself.")
        .op(&patch, "/me", profile::change, &[404, 409], "Changes what I say about myself.")
        .op(
            &post,
            "/me/password",
            profile::change_password,
            &[403],
            "Changes my password and signs out my other devices.",
        )
        .op(&post, "/me/delete", profile::delete, &[403, 409], "Deletes my account for good.")
        .op(&get, "/me/export", export::export, &[], "Gives everything that is mine, as a ZIP archive.")
        .also(200, "application/zip", |_| Schema::default())
        .tag("People")
        .op(&get, "/users", people::search, &[], "Finds people by the beginnings of words of their names.")
        .op(&get, "/users/{user_id}", people::person, &[], "Gives a person.")
        .op(&get, "/contacts/favourites", people::favourites, &[], "Lists my favourites.")
        .op(&put, "/contacts/favourites/{user_id}", people::add_favourite, &[400, 409], "Makes a person a favourite.")
        .op(&delete, "/contacts/favourites/{user_id}", people::remove_favourite, &[400], "Makes a person no favourite.")
        .op(&get, "/contacts/blocked", people::blocked, &[], "Lists whom I blocked.")
        .op(&put, "/contacts/blocked/{user_id}", people::block, &[400, 409], "Blocks a person.")
        .op(&delete, "/contacts/blocked/{user_id}", people::unblock, &[400], "Unblocks a person.")
        .tag("Rooms")
        .op(&get, "/rooms", rooms::list, &[], "Lists my rooms.")
        .op(&post, "/rooms", rooms::create, &[403, 404, 409], "Makes a room; a direct room that is there is returned.")
        .also(200, "application/json", schema::<parley_shared::wire::Room>)
        .op(&get, "/rooms/public", rooms::public, &[], "Lists public rooms by name.")
        .op(&get, "/rooms/{room_id}", rooms::room, &[], "Gives a room.")
        .op(&patch, "/rooms/{room_id}", rooms::change, &[403, 409], "Changes a room.")
        .op(&delete, "/rooms/{room_id}", rooms::delete, &[403, 409], "Deletes a room.")
        .op(&put, "/rooms/{room_id}/notify", rooms::set_notify, &[], "Sets which messages of a room I am notified of.")
        .op(&post, "/rooms/{room_id}/join", rooms::join, &[403, 409], "Joins a public room.")
        .op(&get, "/rooms/{room_id}/members", rooms::members, &[], "Lists the members of a room.")
        .op(&post, "/rooms/{room_id}/members", rooms::add_members, &[403, 409], "Adds people to a room.")
        .op(&patch, "/rooms/{room_id}/members/{user_id}", rooms::change_member, &[403, 409], "Changes a member's role.")
        .op(
            &delete,
            "/rooms/{room_id}/members/{user_id}",
            rooms::remove_member,
            &[403, 409],
            "Removes a member, or leaves.",
        )
        .tag("Invites")
        .op(&get, "/rooms/{room_id}/invites", invites::list, &[403, 409], "Lists the invites into a room.")
        .op(&post, "/rooms/{room_id}/invites", invites::create, &[403, 409], "Makes an invite into a room.")
        .op(&delete, "/rooms/{room_id}/invites/{invite_id}", invites::revoke, &[403, 409], "Revokes an invite.")
        .op(&get, "/invites/{code}", guests::info, &[], "Says what an invite is for, signed in or not.")
        .op(&post, "/invites/{code}/accept", invites::accept, &[403, 409], "Joins a room by invite.")
        .op(&post, "/invites/{code}/guest", guests::join, &[409], "Joins a room by invite, with a name and no account.")
        .op(&get, "/registration-invites", registration::list, &[403], "Lists the invites to make an account; admins.")
        .op(
            &post,
            "/registration-invites",
            registration::create,
            &[403, 409],
            "Makes an invite to make an account; admins.",
        )
        .op(&delete, "/registration-invites/{invite_id}", registration::revoke, &[403], "Revokes an invite; admins.")
        .tag("Messages")
        .op(&get, "/rooms/{room_id}/messages", chat::history, &[], "Gives a page of a room's messages.")
        .op(&get, "/rooms/{room_id}/messages/{message_id}", chat::message, &[], "Gives a message.")
        .op(
            &get,
            "/rooms/{room_id}/messages/{message_id}/versions",
            chat::versions,
            &[],
            "Lists the texts of a message.",
        )
        .op(&get, "/rooms/{room_id}/pins", chat::pins, &[], "Lists the pinned messages of a room.")
        .op(&get, "/rooms/{room_id}/threads/{message_id}", chat::thread, &[], "Gives a page of a thread.")
        .op(&get, "/rooms/{room_id}/changes", chat::changes, &[], "Gives what changed in a room since.")
        .op(&get, "/search", chat::search, &[404], "Searches the messages of my rooms.")
        .tag("Calls")
        .op(&put, "/calls/{call_id}/report", calls::report, &[], "Reports what my app measured in a call.")
        .op(&get, "/calls/{call_id}/reports", calls::reports, &[], "Lists what the apps of a call measured.")
        .op(&get, "/socket", ws::upgrade, &[], "Opens the socket; see shared/PROTOCOL.md.")
        .silent(101, "A WebSocket.")
        .tag("Files")
        .op(&post, "/uploads", files::create, &[409], "Announces a file.")
        .op(&get, "/uploads/{file_id}", files::upload, &[], "Says how much of a file is here.")
        .op(&patch, "/uploads/{file_id}", files::append, &[409], "Sends the next bytes of a file.")
        .op(&delete, "/uploads/{file_id}", files::give_up, &[409], "Gives up an upload.")
        .op(&get, "/files/{file_id}", files::content, &[416], "Gives the bytes of a file, or a range of them.")
        .bytes("*/*")
        .op(&get, "/files/{file_id}/thumbnail", files::thumbnail, &[416], "Gives the small picture of an image.")
        .bytes("image/*")
        .tag("Relay")
        .op(&get, "/relay", registration::relay, &[], "Says who may make an account here.")
        .op(&get, "/openapi.json", document::openapi, &[], "Gives this document.")
        .also(200, "application/json", |_| Schema::default())
        .op(&get, "/docs", pages::docs, &[], "Shows this document to people.")
        .also(200, "text/html", |_| Schema::default())
        .below("")
        .op(&get, "/invite/{code}", pages::invite, &[], "Tells whoever opens an invite in a browser how to use it.")
        .also(200, "text/html", |_| Schema::default())
        .op(&get, "/health", health::health, &[], "Says that the relay runs.")
        .op(&get, "/health/db", health::db, &[], "Says whether the database reads and writes.")
        .op(&get, "/health/socket", health::socket, &[], "Says whether the loop around the sockets turns.")
}

fn schema<T: schemars::JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// The document, written once.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document::write(table()).into());

pub fn router() -> Router<App> {
    table().router
}

/// Every method of every address, for tests that ask them all: `/api/v1/rooms/{room_id}` and the like.
pub fn addresses() -> Vec<(Method, String)> {
    table().operations.into_iter().map(|operation| (operation.method, operation.path)).collect()
}

#[derive(Debug)]
struct Table {
    router: Router<App>,
    operations: Vec<Operation>,
    schemas: SchemaGenerator,
    base: &'static str,
    tag: &'static str,
}

impl Table {
    fn new(base: &'static str) -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        let schemas = settings.into_generator();
        Self { router: Router::new(), operations: Vec::new(), schemas, base, tag: "" }
    }

    /// The operations that follow are of this kind.
    fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// The addresses that follow begin with this.
    fn below(mut self, base: &'static str) -> Self {
        self.base = base;
        self
    }

    /// One operation. `refusals` are the statuses that its types do not tell.
    fn op<H, M, Args>(
        mut self,
        method: &Method,
        path: &str,
        handler: H,
        refusals: &[u16],
        summary: &'static str,
    ) -> Self
    where
        H: Handler<M, App> + Described<Args>,
        M: 'static,
    {
        let path = format!("{}{path}", self.base);
        let filter = MethodFilter::try_from(method.clone()).expect("the methods of the table can be routed");
        let name = std::any::type_name::<H>();
        let mut operation = Operation::new(method.clone(), path.clone(), name, self.tag, summary);
        H::describe(&mut operation, &mut self.schemas);
        operation.refuses(refusals);
        self.operations.push(operation);
        self.router = self.router.route(&path, on(filter, handler));
        self
    }

    /// The last operation answers this as well.
    fn also(mut self, status: u16, media_type: &str, schema: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Self {
        let schema = schema(&mut self.schemas);
        self.last().answers(status, media_type, schema);
        self
    }

    /// The last operation answers this as well, without a body.
    fn silent(mut self, status: u16, sentence: &str) -> Self {
        self.last().says(status, sentence);
        self
    }

    /// The last operation gives the bytes of a file.
    fn bytes(self, media_type: &str) -> Self {
        let whole = self.also(200, media_type, |_| Schema::default());
        whole.also(206, media_type, |_| Schema::default()).silent(304, "The copy that `If-None-Match` names is right.")
    }

    fn last(&mut self) -> &mut Operation {
        self.operations.last_mut().expect("an operation comes before what is said of it")
    }
}
