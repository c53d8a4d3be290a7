export { openGateway, type GatewayOptions, type OpenGateway } from './gateway.js';
export { GatewayModule, type GatewayViews } from './gateway.module.js';
export { GatewayAdapter } from './http/gateway-adapter.js';
