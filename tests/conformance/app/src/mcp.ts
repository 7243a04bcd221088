/** The MCP server. */
import { addHTTPMiddleware, authBearer, wireMCPPrompt, wireMCPResource, wireMCPTool } from '#pikku'
import {
  diary, logo, page, pageIndex, staffPrompt, summarise, toolAsk, toolContent, toolProgress, toolStaff, toolTouch, toolWait,
} from './mcp.functions.ts'
import { isStaff } from './sessions.functions.ts'

addHTTPMiddleware('/mcp', [authBearer({ issuer: 'conformance' })])

wireMCPTool({ name: 'staff', func: toolStaff, auth: true, permissions: { staff: isStaff } })
wireMCPTool({
  name: 'content', title: 'Greeting', description: 'Says hello.', func: toolContent, annotations: { readOnlyHint: true },
})
wireMCPTool({ name: 'progress', func: toolProgress })
wireMCPTool({ name: 'wait', func: toolWait })
wireMCPTool({ name: 'ask', func: toolAsk })
wireMCPTool({ name: 'touch', func: toolTouch })

wireMCPResource({ uri: 'pages://index', name: 'index', title: 'Index', description: 'What there is.', mimeType: 'text/x-index', func: pageIndex })
wireMCPResource({ uri: 'pages://{book}/{page}', name: 'page', func: page })
wireMCPResource({ uri: 'pages://logo', mimeType: 'image/x-logo', size: 4, func: logo })
wireMCPResource({ uri: 'pages://diary', func: diary })

wireMCPPrompt({ name: 'summarise', func: summarise })
wireMCPPrompt({ name: 'staff-prompt', title: 'Staff', func: staffPrompt })
