export { FileTenantKeystore } from './file-tenant-keystore.js';
