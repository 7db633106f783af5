// A room in which everybody hears everybody: `node chat.js ws` or `node chat.js socket.io`. Keeps nothing.
import { createServer } from 'node:http';

const [kind] = process.argv.slice(2);
const server = createServer();

if (kind === 'ws') {
  const { WebSocketServer } = await import('ws');
  const room = new Set();
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    socket.once('message', () => {
      room.add(socket);
      socket.send('welcome');
      socket.on('message', (data) => {
        for (const member of room) member.send(data, { binary: false });
      });
    });
    socket.on('close', () => room.delete(socket));
  });
} else {
  const { Server } = await import('socket.io');
  const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false });
  io.on('connection', (socket) => {
    void socket.join('room');
    socket.on('say', (text) => io.to('room').emit('said', text));
  });
}

server.listen(0, '127.0.0.1', 4096, () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
