import { Panel } from '../../ui/Panel';
import classes from './SettingsPage.module.css';

/** What says where addresses are. DB-IP asks to be named with a link wherever its file is used. */
export function PlacesPanel({ places }: { places: string[] }) {
  return (
    <Panel title="Where addresses are">
      {places.length === 0 ? (
        <p className={classes.sourced}>
          Nothing says where an address is, so rules about countries and travel stay silent. Put{' '}
          <code>dbip-country.mmdb</code> beside the program, or name files of your own under{' '}
          <code>geoip</code>.
        </p>
      ) : (
        <div className={classes.sourced}>
          <p>
            Looked up in files on this machine; no other machine is asked:{' '}
            <span className="mono">{places.join(', ')}</span>.
          </p>
          {places.some((p) => /db-?ip/i.test(p)) && (
            <p>
              <a href="https://db-ip.com" target="_blank" rel="noopener noreferrer">
                IP Geolocation by DB-IP
              </a>
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}
