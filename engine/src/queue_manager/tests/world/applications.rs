//! Applications, driven by hand.

use super::*;

impl World {
    /// A connection that nobody has called `MQCONN` on.
    pub(in crate::queue_manager::tests) fn raw_application(&mut self, member: Node) -> App {
        assert!(self.is_up(member), "{member} takes connections");
        let application = self.applications.len();
        let connection = self.processes.get_mut(member).unwrap().effects.next_connection_id();
        self.ends.insert((member, connection), Peer::Application(application));
        let accepted = Input::Accepted { connection, at: member.into(), from: "application".into() };
        self.arrive(LATENCY, Arrival::Input(member, accepted));
        self.applications.push(Application { at: Some((member, connection)), replies: Vec::new() });
        App(application)
    }

    pub(in crate::queue_manager::tests) fn connect_as(
        &mut self,
        member: Node,
        options: ConnectOptions,
    ) -> Result<App, Reason> {
        let app = self.raw_application(member);
        self.call(app, MqiCall::Connect(options)).map(|_| app)
    }

    /// An application, connected with the queue manager's name.
    pub(in crate::queue_manager::tests) fn application(&mut self, member: Node) -> App {
        self.connect_as(member, options(member)).unwrap()
    }

    pub(in crate::queue_manager::tests) fn send_call(&mut self, app: App, call: MqiCall) {
        if let Some((member, connection)) = self.applications[app.0].at {
            let frame = Frame::MqiCall(Box::new(call));
            self.arrive(LATENCY, Arrival::Input(member, Input::Frame { connection, frame }));
        }
    }

    /// The next answer to an application, if there is one yet.
    pub(in crate::queue_manager::tests) fn answer(&mut self, app: App) -> Option<Answer> {
        let replies = &mut self.applications[app.0].replies;
        while replies.first() == Some(&MqiReply::Quiescing) {
            replies.remove(0);
        }
        if replies.is_empty() {
            return self.applications[app.0].at.is_none().then_some(Err(Reason::ConnectionBroken));
        }
        Some(match replies.remove(0) {
            MqiReply::Ok(answer) => Ok(answer),
            MqiReply::Failed(reason) => Err(reason),
            MqiReply::Quiescing => unreachable!("passed over"),
        })
    }

    /// Waits for the answer to a call that was sent.
    pub(in crate::queue_manager::tests) fn wait(&mut self, app: App) -> Answer {
        let patience = self.now + Duration::from_secs(30);
        loop {
            if let Some(answer) = self.answer(app) {
                return answer;
            }
            assert!(self.step_until(patience), "a call is answered in the end");
        }
    }

    pub(in crate::queue_manager::tests) fn call(&mut self, app: App, call: MqiCall) -> Answer {
        self.send_call(app, call);
        self.wait(app)
    }

    /// The application's end of the connection goes away.
    pub(in crate::queue_manager::tests) fn hang_up(&mut self, app: App) {
        if let Some((member, connection)) = self.applications[app.0].at.take() {
            self.ends.remove(&(member, connection));
            let broken = Input::Broken { connection, how: Broken::Reset };
            self.arrive(LATENCY, Arrival::Input(member, broken));
        }
    }

    pub(in crate::queue_manager::tests) fn open(
        &mut self,
        app: App,
        queue: &str,
        open_for: OpenFor,
    ) -> Result<ObjectHandle, Reason> {
        match self.call(app, MqiCall::Open { queue: queue.into(), queue_manager: None, open_for })? {
            MqiAnswer::Opened { handle } => Ok(handle),
            other => panic!("open answered {other:?}"),
        }
    }

    pub(in crate::queue_manager::tests) fn put(
        &mut self,
        app: App,
        queue: &str,
        syncpoint: Syncpoint,
        identity: u64,
    ) -> Result<(), Reason> {
        self.call(app, put(queue, syncpoint, identity)).map(|_| ())
    }

    /// Opens, gets without waiting, closes.
    pub(in crate::queue_manager::tests) fn get(
        &mut self,
        app: App,
        queue: &str,
        syncpoint: Syncpoint,
    ) -> Result<Message, Reason> {
        let handle = self.open(app, queue, OpenFor::InputShared)?;
        let got = self.get_from(app, handle, syncpoint, Wait::No, Match::Any);
        self.call(app, MqiCall::Close { handle })?;
        got
    }

    pub(in crate::queue_manager::tests) fn get_from(
        &mut self,
        app: App,
        handle: ObjectHandle,
        syncpoint: Syncpoint,
        wait: Wait,
        selection: Match,
    ) -> Result<Message, Reason> {
        message(self.call(app, MqiCall::Get { handle, syncpoint, wait, selection }))
    }

    // ---- What a test looks at
}

pub(in crate::queue_manager::tests) fn options(name: &str) -> ConnectOptions {
    ConnectOptions { application: "app".into(), name: name.into(), binding: Binding::Local, tag: None }
}

pub(in crate::queue_manager::tests) fn descriptor() -> PutDescriptor {
    PutDescriptor {
        message_id: None,
        correlation_id: CorrelationId(0),
        persistence: None,
        priority: None,
        expiry: None,
        reply_to_queue: None,
        reply_to_queue_manager: None,
    }
}

pub(in crate::queue_manager::tests) fn payload(identity: u64) -> Payload {
    Payload { identity, length: 100, digest: 0 }
}

pub(in crate::queue_manager::tests) fn put(queue: &str, syncpoint: Syncpoint, identity: u64) -> MqiCall {
    put_with(queue, syncpoint, identity, descriptor())
}

pub(in crate::queue_manager::tests) fn put_with(
    queue: &str,
    syncpoint: Syncpoint,
    identity: u64,
    descriptor: PutDescriptor,
) -> MqiCall {
    MqiCall::Put1 { queue: queue.into(), queue_manager: None, syncpoint, descriptor, payload: payload(identity) }
}

pub(in crate::queue_manager::tests) fn message(answer: Answer) -> Result<Message, Reason> {
    match answer? {
        MqiAnswer::Got { message } => Ok(message),
        other => panic!("a get answered {other:?}"),
    }
}

pub(in crate::queue_manager::tests) fn priority(priority: u8) -> Priority {
    Priority::new(priority).unwrap()
}

pub(in crate::queue_manager::tests) fn xid(number: u64) -> Xid {
    Xid { coordinator: "CICS".into(), number }
}

pub(in crate::queue_manager::tests) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(in crate::queue_manager::tests) const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
