//! A browser by way of `chromedriver`, spoken to in its HTTP and JSON.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A headless browser with one window. Dropped, it is closed.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts one; `None` where `chromedriver` and a browser for it are not installed.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
        };
        for _ in 0..100 {
            if browser.ask("GET", "/status", &Value::Null).is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"],
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let session = browser.ask("POST", "/session", &wanted)?;
        browser.session = format!("/session/{}", session["sessionId"].as_str()?);
        Some(browser)
    }

    /// Opens a page in a window of some width, light or dark.
    pub(crate) fn open(&self, page: &Path, width: u32, dark: bool) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
        let scheme = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
        self.logged("performance");
        let page = page.canonicalize().unwrap();
        let url = format!("file://{}", page.display());
        self.told("/url", &json!({ "url": url }));
    }

    /// Runs a script in the page and returns its value.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.told("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What the console was told since the last question.
    pub(crate) fn console(&self) -> Vec<String> {
        let lines = self.logged("browser").into_iter();
        lines.map(|line| line["message"].to_string()).collect()
    }

    /// Everything that the page asked for, but for itself and for what it carries.
    pub(crate) fn requests(&self) -> Vec<String> {
        let events = self
            .logged("performance")
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Value>(line["message"].as_str()?).ok());
        let asked =
            events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        let urls = asked.filter_map(|event| {
            let url = event["message"]["params"]["request"]["url"].as_str()?;
            Some(url.to_owned())
        });
        let own = ["file://", "data:", "blob:"];
        urls.filter(|url| !own.iter().any(|scheme| url.starts_with(scheme)))
            .collect()
    }

    fn logged(&self, kind: &str) -> Vec<Value> {
        let log = self.told("/se/log", &json!({ "type": kind }));
        log.as_array().cloned().unwrap_or_default()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.told("/goog/cdp/execute", &body);
    }

    fn told(&self, path: &str, body: &Value) -> Value {
        let path = format!("{}{path}", self.session);
        let answer = self.ask("POST", &path, body);
        answer.unwrap_or_else(|| panic!("the browser refused {path}: {body}"))
    }

    /// One request; `None` if it failed.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(4))).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let (head, length) = read_head(&mut stream)?;
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).ok()?;
        let answer: Value = serde_json::from_slice(&answer).ok()?;
        head.starts_with("HTTP/1.1 200")
            .then(|| answer["value"].clone())
    }
}

/// The head of an answer, and the length of its body.
fn read_head(stream: &mut TcpStream) -> Option<(String, usize)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length:").nth(1)?;
    let length = length.lines().next()?.trim().parse().ok()?;
    Some((head, length))
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.ask("DELETE", &self.session, &Value::Null);
        // It may have ended by itself.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
