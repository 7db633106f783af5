//! Which tests failed and why, gathered from what cargo and the test harness print, so that the end of a long run tells it.

/// Lines of a failed test's output that the summary repeats: where it stopped and with what words.
const REASON_LINES: usize = 12;

#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub test: String,
    /// The first lines that the test printed, its panic among them.
    pub reason: Vec<String>,
}

/// Reads line by line what cargo prints.
#[derive(Default)]
pub struct Failures {
    found: Vec<Failure>,
    /// The program that failed last, as cargo names it.
    program: String,
    /// Whether the lines that come now are the output of the last failure.
    inside: bool,
}

impl Failures {
    pub fn read(&mut self, line: &str) {
        if let Some(test) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.found.push(Failure { test: test.to_owned(), reason: Vec::new() });
            self.inside = true;
        } else if let Some(program) = line.strip_prefix("error: test failed, to rerun pass ") {
            self.program = program.trim_matches('`').to_owned();
        } else if let Some(how) = line.trim_start().strip_prefix("process didn't exit successfully: ") {
            // Cargo says so of a program that crashed, not of one whose tests failed.
            self.found.push(Failure { test: self.program.clone(), reason: vec![how.to_owned()] });
        } else if line == "failures:" || line.starts_with("test result:") {
            self.inside = false;
        } else if self.inside
            && let Some(failure) = self.found.last_mut()
            && failure.reason.len() < REASON_LINES
            && !line.trim().is_empty()
        {
            failure.reason.push(line.to_owned());
        }
    }

    pub fn found(self) -> Vec<Failure> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libtest printed it.
    const OUTPUT: &str = "
running 3 tests
test adds ... ok
test divides ... FAILED
test text::joins ... FAILED

failures:

---- divides stdout ----

thread 'divides' (71) panicked at src/lib.rs:7:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- text::joins stdout ----
Error: no such file


failures:
    divides
    text::joins

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 1 test
test other ... ok
";

    fn read(output: &str) -> Vec<Failure> {
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.read(line));
        failures.found()
    }

    #[test]
    fn every_failed_test_is_named_with_its_reason() {
        let found = read(OUTPUT);
        let names: Vec<_> = found.iter().map(|failure| failure.test.as_str()).collect();
        assert_eq!(names, ["divides", "text::joins"]);
        assert_eq!(found[0].reason[0], "thread 'divides' (71) panicked at src/lib.rs:7:9:");
        assert_eq!(found[0].reason[3], " right: 2");
        assert_eq!(found[1].reason, ["Error: no such file"]);
    }

    #[test]
    fn program_that_crashed_is_named_beside_failed_tests() {
        let crash = "error: test failed, to rerun pass `-p e2e --test chat`\n\nCaused by:\n  \
                     process didn't exit successfully: `/t/chat-c2cf` (signal: 11, SIGSEGV: invalid memory reference)\n";
        let found = read(&format!("error: test failed, to rerun pass `-p divider --lib`\n{OUTPUT}{crash}"));
        let names: Vec<_> = found.iter().map(|failure| failure.test.as_str()).collect();
        assert_eq!(names, ["divides", "text::joins", "-p e2e --test chat"]);
        assert!(found[2].reason[0].ends_with("(signal: 11, SIGSEGV: invalid memory reference)"));
    }

    #[test]
    fn long_output_is_cut() {
        let long = format!("---- talks stdout ----\n{}", "line\n".repeat(1000));
        assert_eq!(read(&long)[0].reason.len(), REASON_LINES);
    }
}
