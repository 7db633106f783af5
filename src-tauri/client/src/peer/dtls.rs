//! Just enough of DTLS 1.2 framing (RFC 6347) and STUN to see which handshake flight a datagram belongs to, and whether it is
//! shaped like one of somebody who means well.
//!
//! Nothing here decrypts or verifies: every field that is read is in clear text, and every length is checked,
//! because the bytes come from the network.

const RECORD_HEADER_LEN: usize = 13;
const CHANNEL_DATA_HEADER_LEN: usize = 4;
const STUN_HEADER_LEN: usize = 20;
const STUN_ATTRIBUTE_HEADER_LEN: usize = 4;
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_ATTRIBUTE_USERNAME: u16 = 0x0006;
const STUN_ATTRIBUTE_DATA: u16 = 0x0013;
const HANDSHAKE_HEADER_LEN: usize = 12;

/// What the first byte of a datagram says it is (RFC 7983), as far as flights care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatagramKind {
    Dtls,
    /// SRTP or SRTCP: the peer has keys.
    Media,
    /// STUN without a payload, or anything unknown.
    Other,
}

impl DatagramKind {
    pub(crate) fn of(payload: &[u8]) -> Self {
        match payload.first() {
            Some(20..=63) => Self::Dtls,
            Some(128..=191) => Self::Media,
            Some(_) | None => Self::Other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    Other,
}

/// One DTLS record, borrowed from its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub content: ContentType,
    pub epoch: u16,
    pub body: &'a [u8],
}

/// The clear-text head of a handshake message (epoch 0 only: later epochs are encrypted).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandshakeHead {
    pub message_type: u8,
    pub message_seq: u16,
}

impl Record<'_> {
    /// The handshake head, or `None` when the record is not a readable handshake record.
    pub(crate) fn handshake_head(&self) -> Option<HandshakeHead> {
        if self.content != ContentType::Handshake || self.epoch != 0 || self.body.len() < HANDSHAKE_HEADER_LEN {
            return None;
        }
        Some(HandshakeHead {
            message_type: self.body[0],
            message_seq: u16::from_be_bytes([self.body[4], self.body[5]]),
        })
    }

    /// Whether the record is a handshake message that is not encrypted.
    pub(crate) fn is_plain_handshake(&self) -> bool {
        self.content == ContentType::Handshake && self.epoch == 0
    }

    /// See [`pieces`].
    fn pieces(&self) -> Option<usize> {
        match (self.content, self.epoch) {
            (ContentType::Handshake, 0) => handshake_pieces(self.body),
            // As many as could be inside.
            (ContentType::Handshake, _) => Some(self.body.len().div_ceil(HANDSHAKE_HEADER_LEN)),
            (ContentType::ChangeCipherSpec, 0) => (self.body == [1]).then_some(1),
            (ContentType::ApplicationData | ContentType::Alert, 1..) => Some(1),
            (ContentType::ApplicationData | ContentType::Alert, 0)
            | (ContentType::ChangeCipherSpec, 1..)
            | (ContentType::Other, _) => None,
        }
    }
}

/// How many pieces a stack may keep of a datagram: records, and handshake messages or fragments of them. `None` when a part of
/// it is malformed, or is not encrypted although anybody could have made it: data, or an alert.
pub(crate) fn pieces(datagram: &[u8]) -> Option<usize> {
    let records = records(datagram);
    let read: usize = records.iter().map(|record| RECORD_HEADER_LEN + record.body.len()).sum();
    if records.is_empty() || read != datagram.len() {
        return None;
    }
    records.iter().map(Record::pieces).sum()
}

fn handshake_pieces(mut body: &[u8]) -> Option<usize> {
    let mut pieces = 0;
    while !body.is_empty() {
        let head = body.first_chunk::<HANDSHAKE_HEADER_LEN>()?;
        let number =
            |at: usize| usize::from(head[at]) << 16 | usize::from(head[at + 1]) << 8 | usize::from(head[at + 2]);
        let (len, offset, fragment_len) = (number(1), number(6), number(9));
        if offset + fragment_len > len || (fragment_len == 0 && len > 0) {
            return None;
        }
        body = body.get(HANDSHAKE_HEADER_LEN + fragment_len..)?;
        pieces += 1;
    }
    (pieces > 0).then_some(pieces)
}

/// The records of a DTLS datagram, up to the first one that is cut off.
pub(crate) fn records(mut datagram: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    while let Some((record, rest)) = split_record(datagram) {
        records.push(record);
        datagram = rest;
    }
    records
}

fn split_record(datagram: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let header = datagram.get(..RECORD_HEADER_LEN)?;
    if DatagramKind::of(header) != DatagramKind::Dtls || header[1] != 0xfe {
        return None;
    }
    let end = RECORD_HEADER_LEN + usize::from(u16::from_be_bytes([header[11], header[12]]));
    let record = Record {
        content: match header[0] {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            _ => ContentType::Other,
        },
        epoch: u16::from_be_bytes([header[3], header[4]]),
        body: datagram.get(RECORD_HEADER_LEN..end)?,
    };
    Some((record, &datagram[end..]))
}

/// The application payload of a wire datagram: the datagram itself, or what TURN ChannelData or a TURN
/// Send/Data indication (RFC 8656) carries.
pub(crate) fn payload(wire: &[u8]) -> &[u8] {
    match wire.first() {
        Some(0x40..=0x4f) => channel_data(wire).unwrap_or_default(),
        Some(0x00) if matches!(wire.get(1), Some(0x16 | 0x17)) => indication_data(wire).unwrap_or_default(),
        Some(_) | None => wire,
    }
}

fn channel_data(wire: &[u8]) -> Option<&[u8]> {
    let head = wire.get(..CHANNEL_DATA_HEADER_LEN)?;
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    wire.get(CHANNEL_DATA_HEADER_LEN..CHANNEL_DATA_HEADER_LEN + len)
}

fn indication_data(wire: &[u8]) -> Option<&[u8]> {
    attribute(wire, STUN_ATTRIBUTE_DATA)
}

/// Who a STUN binding request is for and from (RFC 8489, 14.3); empty when it does not say. `None` for everything else.
pub(crate) fn binding_request_user(wire: &[u8]) -> Option<&[u8]> {
    let is_request = wire.starts_with(&[0x00, 0x01]) && wire.get(4..8) == Some(&STUN_COOKIE);
    is_request.then(|| attribute(wire, STUN_ATTRIBUTE_USERNAME).unwrap_or_default())
}

fn attribute(wire: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut attributes = wire.get(STUN_HEADER_LEN..)?;
    loop {
        let head = attributes.get(..STUN_ATTRIBUTE_HEADER_LEN)?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = attributes.get(STUN_ATTRIBUTE_HEADER_LEN..STUN_ATTRIBUTE_HEADER_LEN + len)?;
        if u16::from_be_bytes([head[0], head[1]]) == wanted {
            return Some(value);
        }
        attributes = attributes.get(STUN_ATTRIBUTE_HEADER_LEN + len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Hand-made datagrams for the tests of this module and of the flight repeater.

    pub(crate) fn record(content: u8, epoch: u16, sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![content, 0xfe, 0xfd];
        record.extend(epoch.to_be_bytes());
        record.extend([0, 0, 0, 0, 0, sequence]);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    pub(crate) fn handshake(message_type: u8, message_seq: u16, sequence: u8) -> Vec<u8> {
        record(22, 0, sequence, &fragment(message_type, message_seq, 4, 0, &[1, 2, 3, message_type]))
    }

    pub(crate) fn fragment(message_type: u8, message_seq: u16, len: u8, offset: u8, bytes: &[u8]) -> Vec<u8> {
        let sequence = message_seq.to_be_bytes();
        let head = [message_type, 0, 0, len, sequence[0], sequence[1], 0, 0, offset, 0, 0, bytes.len() as u8];
        [&head[..], bytes].concat()
    }

    pub(crate) fn binding_request(user: &str) -> Vec<u8> {
        let mut request = vec![0x00, 0x01, 0, (4 + user.len().next_multiple_of(4)) as u8, 0x21, 0x12, 0xa4, 0x42];
        request.extend([9; 12]);
        request.extend([0x00, 0x06, 0, user.len() as u8]);
        request.extend(user.as_bytes());
        request.resize(24 + user.len().next_multiple_of(4), 0);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_of_one_datagram_are_split() {
        let mut datagram = handshake(1, 7, 0);
        datagram.extend(record(20, 0, 1, &[1]));
        let records = records(&datagram);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].handshake_head(), Some(HandshakeHead { message_type: 1, message_seq: 7 }));
        assert_eq!(records[1].content, ContentType::ChangeCipherSpec);
        assert_eq!(records[1].handshake_head(), None);
    }

    #[test]
    fn encrypted_handshake_has_no_readable_head() {
        let datagram = record(22, 1, 0, &[20; 40]);
        assert_eq!(records(&datagram)[0].handshake_head(), None);
    }

    #[test]
    fn turn_framing_is_looked_through() {
        let inner = handshake(1, 0, 0);
        let mut channel = vec![0x40, 0x01];
        channel.extend((inner.len() as u16).to_be_bytes());
        channel.extend(&inner);
        assert_eq!(payload(&channel), inner);

        let mut indication = vec![0x00, 0x16, 0, 0];
        indication.extend([0; 16]);
        indication.extend([0x00, 0x12, 0, 3, 9, 9, 9, 0]);
        indication.extend([0x00, 0x13]);
        indication.extend((inner.len() as u16).to_be_bytes());
        indication.extend(&inner);
        assert_eq!(payload(&indication), inner);
    }

    #[test]
    fn the_pieces_of_good_datagrams_are_counted() {
        let mut datagram = handshake(1, 7, 0);
        assert_eq!(pieces(&datagram), Some(1));
        datagram.extend(record(20, 0, 1, &[1]));
        datagram.extend(record(22, 1, 0, &[20; 40]));
        assert_eq!(pieces(&datagram), Some(6));
        let two = [fragment(14, 3, 0, 0, &[]), fragment(11, 4, 9, 3, &[1, 2])].concat();
        assert_eq!(pieces(&record(22, 0, 2, &two)), Some(2));
        assert_eq!(pieces(&record(23, 1, 0, &[7; 100])), Some(1));
        assert_eq!(pieces(&record(21, 1, 0, &[7; 30])), Some(1));
    }

    #[test]
    fn what_nobody_who_means_well_sends_has_no_pieces() {
        let past_the_end = fragment(11, 4, 9, 8, &[1, 2]);
        let cut = &handshake(1, 0, 0)[..20];
        for (what, datagram) in [
            ("nothing", vec![]),
            ("a cut record", cut.to_vec()),
            ("bytes behind the last record", [&handshake(1, 0, 0)[..], &[22]].concat()),
            ("an alert that anybody can make", record(21, 0, 0, &[2, 80])),
            ("data that anybody can make", record(23, 0, 0, &[1; 20])),
            ("a heartbeat", record(24, 1, 0, &[1; 20])),
            ("a kind that there is not", record(63, 1, 0, &[1; 20])),
            ("an empty change of ciphers", record(20, 0, 0, &[])),
            ("a change of ciphers within the encryption", record(20, 1, 0, &[1])),
            ("a handshake without a message", record(22, 0, 0, &[])),
            ("half a head", record(22, 0, 0, &[1; 11])),
            ("a fragment past the end of its message", record(22, 0, 0, &past_the_end)),
            ("an empty fragment of a message", record(22, 0, 0, &fragment(11, 4, 9, 3, &[]))),
        ] {
            assert_eq!(pieces(&datagram), None, "{what}");
        }
    }

    #[test]
    fn the_user_of_a_binding_request_is_read() {
        assert_eq!(binding_request_user(&binding_request("ours:theirs")), Some(&b"ours:theirs"[..]));
        assert_eq!(binding_request_user(&binding_request("ours:theirs")[..26]), Some(&b""[..]));
        assert_eq!(binding_request_user(&[0, 1, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_only_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for record in records(payload(&bytes)) {
                let _ = record.handshake_head();
            }
            let _ = (pieces(&bytes), binding_request_user(&bytes));
        }

        #[test]
        fn hostile_records_are_only_read(first in 20u8..=25, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut datagram = vec![first, 0xfe];
            datagram.extend(bytes);
            let total: usize = records(&datagram).iter().map(|record| record.body.len() + RECORD_HEADER_LEN).sum();
            prop_assert!(total <= datagram.len());
        }
    }
}
