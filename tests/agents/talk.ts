// Says something over a WebSocket and prints what comes, up to the output. Run by Bun: bun talk.ts URL MESSAGE
const [url = '', message = ''] = process.argv.slice(2)
// Bun's takes headers as well
const Socket = WebSocket as unknown as new (url: string, options: { headers: Record<string, string> }) => WebSocket
const socket = new Socket(url, { headers: { 'x-user': 'ada' } })
socket.onopen = () => socket.send(JSON.stringify({ action: 'ask', message }))
socket.onmessage = ({ data }) => {
  console.log(data)
  if ('status' in JSON.parse(String(data))) socket.close()
}
