// The OCPP-J side of a central system by `ocpp-rpc`, with its strict schemas; who decides is outside.
//
// One JSON object per line. Told on stdout:
//   {told: "listening", port}
//   {told: "connected" | "gone", identity}
//   {told: "call", id, identity, action, payload}         a station asks; waits for an answer below
//   {told: "answer", id, payload} / {told: "failed", id, code, text}   a station has answered
//   {told: "invalid", identity, action, call, outbound, text}         the strict schemas object
//   {told: "bad", identity, text, message}                             not a message at all
// Taken on stdin:
//   {do: "answer", id, payload}, {do: "refuse", id, code, text}, {do: "silence", id}
//   {do: "call", id, identity, action, payload}, {do: "drop", identity}
// The end of stdin ends the program.

const readline = require('readline');
const { RPCServer, createRPCError, NOREPLY } = require('ocpp-rpc');

const port = Number(process.argv[2] || 0);
const stations = new Map();
const waiting = new Map();
let count = 0;

function tell(told, fields) {
    process.stdout.write(JSON.stringify({ told, ...fields }) + '\n');
}

const server = new RPCServer({
    protocols: ['ocpp1.6'],
    strictMode: true,
    callTimeoutMs: 30000,
    pingIntervalMs: 20000,
    wssOptions: { maxPayload: 4 * 1024 * 1024 },
});

server.auth((accept, reject, handshake) => {
    if (!handshake.protocols.has('ocpp1.6')) {
        reject(400, 'only ocpp1.6 is spoken here');
    } else {
        accept({});
    }
});

server.on('client', (client) => {
    const identity = client.identity;
    const old = stations.get(identity);
    stations.set(identity, client);
    if (old) {
        old.close({ code: 1008, reason: 'replaced by a new connection' });
    }
    tell('connected', { identity });
    client.on('close', () => {
        if (stations.get(identity) === client) {
            stations.delete(identity);
        }
        tell('gone', { identity });
    });
    client.on('strictValidationFailure', ({ method, isCall, outbound, error }) => {
        tell('invalid', { identity, action: method, call: isCall, outbound, text: error.message });
    });
    client.on('badMessage', ({ buffer, error }) => {
        tell('bad', { identity, text: error.message, message: String(buffer).slice(0, 200) });
    });
    client.handle(({ method, params }) => new Promise((resolve, reject) => {
        const id = ++count;
        waiting.set(id, { resolve, reject });
        tell('call', { id, identity, action: method, payload: params });
    }));
});

function call({ id, identity, action, payload }) {
    const client = stations.get(identity);
    if (!client) {
        tell('failed', { id, code: '', text: `${identity} is not connected` });
        return;
    }
    client.call(action, payload).then(
        (answer) => tell('answer', { id, payload: answer }),
        (error) => tell('failed', { id, code: error.rpcErrorCode || '', text: error.message }),
    );
}

function settle(id, how, value) {
    const open = waiting.get(id);
    waiting.delete(id);
    if (open) {
        open[how](value);
    }
}

const orders = {
    answer: ({ id, payload }) => settle(id, 'resolve', payload),
    refuse: ({ id, code, text }) => settle(id, 'reject', createRPCError(code, text)),
    silence: ({ id }) => settle(id, 'resolve', NOREPLY),
    call,
    drop: ({ identity }) => stations.get(identity)?.close({ force: true }),
};

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
    const order = JSON.parse(line);
    orders[order.do](order);
});
lines.on('close', async () => {
    await Promise.race([
        server.close({ code: 1001, reason: 'the server stops' }),
        new Promise((resolve) => setTimeout(resolve, 1000)),
    ]);
    process.exit(0);
});

server.listen(port, '127.0.0.1').then(
    (http) => tell('listening', { port: http.address().port }),
    (error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
    },
);
