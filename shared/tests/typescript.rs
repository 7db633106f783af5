//! The TypeScript types of the webview are rendered from `shared::view`, and the limits that it knows from `shared::limits`; both are
//! committed, and these tests fail when they are stale.
//! `PARLEY_UPDATE=1 cargo test -p parley-shared --test typescript` writes them anew.

use std::path::Path;

use parley_shared::ids::*;
use parley_shared::limits;
use parley_shared::view::*;
use parley_shared::wire::{
    AttachmentKind, CallEndReason, CallOutcome, DeclineReason, Figure, MemberRole, NotifyLevel, PersonReport, Presence,
    QualityCause, Registration, Role, RoomKind, RouteClass, Visibility,
};
use ts_rs::{Config, TS};

macro_rules! render {
    ($($ty:ty),* $(,)?) => {{
        let config = Config::default();
        let mut out = String::from("// Rendered from the crate parley-shared (shared/src/view). Never edited by hand.\n");
        $(
            if let Some(docs) = <$ty as TS>::docs() {
                out.push('\n');
                out.push_str(docs.trim_end());
            }
            out.push_str("\nexport ");
            out.push_str(&<$ty as TS>::decl(&config));
            out.push('\n');
        )*
        out
    }};
}

fn rendered() -> String {
    render!(
        UserId,
        RoomId,
        MessageId,
        ClientMessageId,
        CallId,
        ParticipantId,
        FileId,
        DeviceId,
        InviteId,
        UnixMs,
        Seq,
        Role,
        Presence,
        RoomKind,
        Visibility,
        MemberRole,
        NotifyLevel,
        Registration,
        CallOutcome,
        CallEndReason,
        DeclineReason,
        QualityCause,
        Snapshot,
        ViewEvent,
        Notice,
        NoticeKind,
        SessionView,
        Me,
        SecretKeeping,
        ConnectionView,
        ProfileView,
        SignedInDevice,
        HistoryUsage,
        HistoryProtection,
        RoomsView,
        RoomItem,
        Preview,
        PeopleView,
        PersonItem,
        MemberItem,
        RoomDetails,
        PublicRoomItem,
        InviteView,
        InviteInfoView,
        RelayView,
        NotificationView,
        NotificationAbout,
        NotificationSettings,
        DoNotDisturb,
        ExportView,
        ExportFormat,
        TimelineView,
        MessageView,
        BodyView,
        AttachmentView,
        AttachmentKind,
        UploadView,
        DraftFile,
        MessageState,
        MentionView,
        ReplyView,
        ReplyState,
        ReactionView,
        ThreadSummaryView,
        FocusView,
        ThreadView,
        MessageVersionView,
        ReceiptsView,
        SearchResults,
        SearchHit,
        CallView,
        CallPhaseView,
        ParticipantView,
        ParticipantConnection,
        DeviceProblem,
        DeviceProblemCode,
        LevelsView,
        ParticipantLevel,
        CallDetailsView,
        CallReportView,
        PersonReportView,
        PersonReport,
        Figure,
        RouteClass,
        CallStatsView,
        ParticipantStats,
        MediaStats,
        Quality,
        DevicesView,
        DeviceItem,
        DeviceKindView,
        SettingsView,
        VoiceView,
        JoinChoice,
        Theme,
        Accent,
        Density,
        Command,
        JumpTarget,
        Query,
        SearchSource,
        FramesEndpoint,
        CommandError,
        CommandErrorCode,
    )
}

fn rendered_limits() -> String {
    macro_rules! render {
        ($($name:ident),* $(,)?) => {
            [$((stringify!($name), limits::$name.to_string())),*]
        };
    }
    let numbers = render!(
        MESSAGE_CHARS,
        RECEIPT_MEMBERS,
        ATTACHMENTS_PER_MESSAGE,
        FILE_BYTES,
        IMAGE_BYTES,
        IMAGE_PIXELS,
        STATUS_CHARS,
        BIO_CHARS,
        GUEST_DAYS,
    );
    let name = limits::DISPLAY_NAME_CHARS;
    let names =
        [("DISPLAY_NAME_CHARS_MIN", name.start().to_string()), ("DISPLAY_NAME_CHARS_MAX", name.end().to_string())];
    let head = "// Rendered from the crate parley-shared (shared/src/limits.rs). Never edited by hand.\n\n".to_owned();
    numbers.into_iter().chain(names).fold(head, |out, (name, value)| out + &format!("export const {name} = {value};\n"))
}

#[test]
fn committed_types_are_fresh() {
    check("view.ts", rendered());
}

#[test]
fn committed_limits_are_fresh() {
    check("limits.ts", rendered_limits());
}

fn check(file: &str, fresh: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/generated").join(file);
    if std::env::var_os("PARLEY_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("make the folder");
        std::fs::write(&path, &fresh).expect("write the rendered file");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "ui/src/generated/{file} is stale: run PARLEY_UPDATE=1 cargo test -p parley-shared --test typescript"
    );
}
