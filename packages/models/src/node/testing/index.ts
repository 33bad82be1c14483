export {
  type Fault,
  gitHash,
  HubServer,
  largeFile,
  refuse,
  type SeenRequest,
  type ServedFile,
  type ServedRepo,
  sha256,
  TOKEN,
} from './hub-server.ts';
export { variedBytes } from './varied-bytes.ts';
