//! Which devices PipeWire takes when nobody chooses. cpal knows only stand-ins for them, which have no name.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use pipewire::{
    context::ContextRc, core::PW_ID_CORE, loop_::Timeout, main_loop::MainLoopRc, metadata::Metadata, types::ObjectType,
};

/// A server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Names of nodes, as far as a session manager has chosen any.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) source: Option<String>,
    pub(super) sink: Option<String>,
}

impl Names {
    fn take_in(&mut self, key: Option<&str>, value: Option<&str>) {
        let chosen = match key {
            Some("default.audio.source") => &mut self.source,
            Some("default.audio.sink") => &mut self.sink,
            _ => return,
        };
        *chosen = value.and_then(node_name).map(str::to_owned);
    }
}

/// Asks the server. To be called while a host of cpal lives: it keeps the library initialised.
pub(super) fn ask() -> Names {
    try_ask().unwrap_or_default()
}

/// Out of `{"name":"alsa_input.usb"}`.
fn node_name(value: &str) -> Option<&str> {
    let (_, after_key) = value.split_once("\"name\"")?;
    let (_, name) = after_key.split_once('"')?;
    name.split_once('"').map(|(name, _)| name)
}

fn try_ask() -> Option<Names> {
    let main_loop = MainLoopRc::new(None).ok()?;
    let context = ContextRc::new(&main_loop, None).ok()?;
    let core = context.connect_rc(None).ok()?;
    let registry = core.get_registry_rc().ok()?;
    let defaults = Rc::new(RefCell::new(Names::default()));
    // The server answers in order: what was asked for before the last question is answered when that one is.
    let (last_question, is_answered) = (Rc::new(Cell::new(core.sync(0).ok()?)), Rc::new(Cell::new(false)));
    let answers = core.add_listener_local().done({
        let (last_question, is_answered) = (Rc::clone(&last_question), Rc::clone(&is_answered));
        move |id, question| is_answered.set(id == PW_ID_CORE && question == last_question.get())
    });
    let _answers = answers.register();
    let bound = Rc::new(RefCell::new(None));
    let objects = registry.add_listener_local().global({
        let (defaults, bound, core, registry) =
            (Rc::clone(&defaults), Rc::clone(&bound), core.clone(), registry.clone());
        move |object| {
            let name = object.props.and_then(|props| props.get("metadata.name"));
            if object.type_ != ObjectType::Metadata || name != Some("default") {
                return;
            }
            let Ok(metadata) = registry.bind::<Metadata, _>(object) else { return };
            let defaults = Rc::clone(&defaults);
            let properties = metadata.add_listener_local().property(move |_, key, _, value| {
                defaults.borrow_mut().take_in(key, value);
                0
            });
            // The listener goes first.
            bound.replace(Some((properties.register(), metadata)));
            if let Ok(question) = core.sync(0) {
                last_question.set(question);
            }
        }
    });
    let _objects = objects.register();
    let deadline = Instant::now() + PATIENCE;
    while !is_answered.get() && Instant::now() < deadline {
        main_loop.loop_().iterate(Timeout::Finite(Duration::from_millis(50)));
    }
    Some(defaults.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_session_managers_write_them() {
        let mut defaults = Names::default();
        defaults.take_in(Some("default.audio.source"), Some(r#"{"name":"alsa_input.usb"}"#));
        defaults.take_in(Some("default.audio.sink"), Some(r#"{ "name": "speaker" }"#));
        defaults.take_in(Some("default.configured.audio.sink"), Some(r#"{ "name": "other" }"#));
        assert_eq!(defaults.source.as_deref(), Some("alsa_input.usb"));
        assert_eq!(defaults.sink.as_deref(), Some("speaker"));
        defaults.take_in(Some("default.audio.source"), None);
        assert_eq!(defaults.source, None);
        assert_eq!(node_name("{}"), None);
    }
}
