//! How datagrams travel in a TURN stream (RFC 8656, 3.1 and 12.5): STUN messages and ChannelData, each with its length in
//! its head; ChannelData is padded to four bytes.

const HEAD_LEN: usize = 4;
const STUN_HEADER_LEN: usize = 20;

/// The bytes that carry a datagram of ours, or `None` when it is neither STUN nor ChannelData: a relay takes nothing else.
pub(crate) fn frame(datagram: &[u8]) -> Option<Vec<u8>> {
    let (len, padded) = lengths(datagram.first_chunk()?)?;
    // A STUN message fills its datagram; ChannelData may be padded already.
    let is_whole = if is_stun(datagram[0]) { datagram.len() == len } else { datagram.len() >= len };
    if !is_whole {
        return None;
    }
    let mut frame = datagram[..len].to_vec();
    frame.resize(padded, 0);
    Some(frame)
}

/// Takes a stream apart. It holds at most one unfinished frame of 64 KiB and what one read brought.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer that were given out.
    taken: usize,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay sent something that is neither STUN nor ChannelData")]
pub(crate) struct NotTurn;

impl Deframer {
    /// Takes in what was read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole datagram, without padding.
    ///
    /// # Errors
    /// The stream is out of step, for good.
    pub(crate) fn poll(&mut self) -> Result<Option<&[u8]>, NotTurn> {
        let rest = &self.buffer[self.taken..];
        let Some(head) = rest.first_chunk::<HEAD_LEN>() else { return Ok(None) };
        let (len, padded) = lengths(head).ok_or(NotTurn)?;
        if rest.len() < padded {
            return Ok(None);
        }
        let start = self.taken;
        self.taken += padded;
        Ok(Some(&self.buffer[start..start + len]))
    }
}

/// The length of a message with and without padding, from its first four bytes.
fn lengths(head: &[u8; HEAD_LEN]) -> Option<(usize, usize)> {
    let body = usize::from(u16::from_be_bytes([head[2], head[3]]));
    match head[0] {
        0x00..=0x3f => Some((STUN_HEADER_LEN + body, STUN_HEADER_LEN + body)),
        0x40..=0x7f => Some((HEAD_LEN + body, (HEAD_LEN + body).next_multiple_of(4))),
        0x80..=0xff => None,
    }
}

fn is_stun(first: u8) -> bool {
    first < 0x40
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stun(body_len: u16) -> Vec<u8> {
        let mut message = vec![0x00, 0x01];
        message.extend(body_len.to_be_bytes());
        message.resize(STUN_HEADER_LEN + usize::from(body_len), 7);
        message
    }

    fn channel_data(payload_len: u16) -> Vec<u8> {
        let mut message = vec![0x40, 0x01];
        message.extend(payload_len.to_be_bytes());
        message.resize(HEAD_LEN + usize::from(payload_len), 9);
        message
    }

    #[test]
    fn channel_data_is_padded_and_stun_is_not() {
        assert_eq!(frame(&channel_data(5)).unwrap().len(), 12);
        assert_eq!(frame(&channel_data(8)).unwrap().len(), 12);
        assert_eq!(frame(&stun(8)).unwrap(), stun(8));
    }

    #[test]
    fn what_is_no_turn_message_is_not_sent() {
        let mut long = stun(8);
        long.push(0);
        for datagram in [&[][..], &[0, 1, 0], &[0x80, 111, 0, 0, 1, 2], &long, &channel_data(9)[..12], &stun(8)[..20]] {
            assert_eq!(frame(datagram), None, "{datagram:?}");
        }
    }

    #[test]
    fn a_stream_that_is_out_of_step_is_an_error() {
        let mut deframer = Deframer::default();
        deframer.push(&[0xff, 0, 0, 0]);
        assert_eq!(deframer.poll(), Err(NotTurn));
    }

    proptest! {
        #[test]
        fn datagrams_survive_any_cutting_of_the_stream(
            messages in proptest::collection::vec((any::<bool>(), 0u16..300), 0..20),
            cuts in proptest::collection::vec(1usize..200, 1..200),
        ) {
            let sent: Vec<Vec<u8>> = messages
                .into_iter()
                .map(|(is_stun, len)| if is_stun { stun(len / 4 * 4) } else { channel_data(len) })
                .collect();
            let stream: Vec<u8> = sent.iter().flat_map(|datagram| frame(datagram).unwrap()).collect();
            let (mut deframer, mut received, mut rest) = (Deframer::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                deframer.push(now);
                while let Some(datagram) = deframer.poll().unwrap() {
                    received.push(datagram.to_vec());
                }
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn hostile_streams_are_only_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut deframer = Deframer::default();
            deframer.push(&bytes);
            while let Ok(Some(datagram)) = deframer.poll() {
                prop_assert!(datagram.len() <= bytes.len());
            }
        }
    }
}
