// OpenLayers writes geometries of tables as text. Frames that come as JSON hold none: there is nothing to write.
export default class WKT {
  writeGeometry(): string {
    return '';
  }
}
