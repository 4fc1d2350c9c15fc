package engine

import "strings"

// Software that strangers look for, by the names it goes by in paths. This is data, not code: rules
// learn what a site serves, and a family of which it serves anything is at home there and
// suspects nobody.
//
// The names are those that the programs and their CVE entries document; many of them are in
// CrowdSec's sec-lists (MIT, commit 1149fa30) too.

// A family is software of one kind.
type family uint8

// Families of software. What a site is known to serve has a bit for each.
const (
	noFamily family = iota
	wordPress
	joomla
	drupal
	magento
	contentSystem
	databaseAdmin
	phpSoftware
	aspSoftware
	javaSoftware
	device
	serverConsole
	debugPage
	adminPage
	forum
	leftBehind
	webShell
	families
)

var familyNames = [families]string{
	"", "WordPress", "Joomla", "Drupal", "Magento", "a content management system", "a database console", "PHP software", "ASP software",
	"Java software", "a router, camera or VPN box", "a server's console", "a debug page", "an admin page", "a forum or guest book",
	"files that were left behind", "a web shell",
}

// A probe is what a path is a name of.
type probe struct {
	family family
	sure   bool // nobody comes to it by a link, a typing error or an old bookmark
	begins int  // where the first segment of the name ends in the path
}

// sureProbes say enough by themselves: one segment of a path or two that follow each other,
// wherever they stand.
var sureProbes = map[family]string{
	wordPress: `wp-login.php xmlrpc.php wp-admin wp-config.php wp-config wp-config.txt wp-config-sample.php wp-includes wlwmanifest.xml wp-cron.php
		wp-load.php wp-signup.php wp-trackback.php wp-comments-post.php wp-blog-header.php wp-mail.php wp-settings.php wp-activate.php wp-conf.php
		wp-json/wp timthumb.php revslider wp-file-manager admin-ajax.php setup-config.php wp-content/plugins wp-content/themes wp-content/upload.php`,
	joomla: `com_fabrik com_foxcontact com_jce com_media com_sexycontactform com_users configuration.php-dist htaccess.txt joomla.xml
		administrator/index.php administrator/manifests`,
	drupal:  `elfinder elfinder.php elfinder.php.html connector.minimal.php drupalgeddon node/add user/register core/install.php sites/default`,
	magento: `magmi magmi.php magento_version app/etc downloader/index.php skin/adminhtml`,
	contentSystem: `ghost/api skin/login.aspx
		fckeditor ckfinder kcfinder ueditor ewebeditor kindeditor uploadify.php uploadify uc_server uc_client dede dedecms mytag_js.php 90sec.php
		aspcms_collectfun.asp aspcms_sitesetting.asp aspcms_siteconfig.asp admin_aspcms phpcms ecshop thinkphp empirecms ecms.php typo3conf sitecore sitefinity
		e/data data/admin data/cache plug/collect templates/system admin/images edit/net utility/convert e/doinfo e/install public/index.php plus/search.php plus/ad_js.php
		plus/moon.php plus/recommend.php mt-xmlrpc.cgi mt-check.cgi mt-config.cgi mt.cgi roundcubemail sys_verifies.php yonyou seeyon siteserver
		laravel-filemanager allowurl.txt hitcount.asp member/reg_new.php include/dialog inc/config.asp admin/login.php admin/index.php
		admin/config.php admin/databackup admin/index.asp admin/login.asp vtigercrm sugarcrm suitecrm whmcs`,
	databaseAdmin: `phpmyadmin php-my-admin phpmy-admin phpmyadmin2 phpmyadmin3 phpmyadmin4 phpmyadmin5 phpmyadmin-old phpmyadminold mysqladmin mysql-admin sqladmin dbadmin
		pma pma2005 phppgadmin adminer adminer.php mysqlmanager sqlmanager websql mysqldumper phpma _phpmyadmin sqlbuddy phpliteadmin phpliteadmin.php pgadmin
		pgadmin4 rockmongo mongo-express phpredisadmin mysql/admin db/phpmyadmin _all_dbs`,
	phpSoftware: `htmlawedtest.php remote_agent.php ztp_gate.php createremoteappwebsession.php thinkphp5 think5 phpunit.xml php-fpm
		eval-stdin.php vendor/phpunit lib/phpunit phpunit phpinfo.php phpinfo php-info.php _phpinfo.php pinfo.php php.ini common.inc.php config.inc.php php-cgi php-cgi.exe php.exe
		media-admin.php vuln.php up.php ups.php uploader.php upfile.php _ignition muieblackcat laravel.log storage/logs robots.txt/.php phpsysinfo`,
	aspSoftware: `autodiscover.json nsiislog.dll fp30reg.dll _vti_cnf httpodbc.dll
		trace.axd elmah.axd global.asa global.asax web.config telerik.web.ui.webresource.axd telerik.web.ui.dialoghandler.aspx iisadmpwd iishelp _vti_bin _vti_pvt
		_vti_inf.html shtml.exe shtml.dll author.dll msadc msadcs.dll cmd.exe root.exe default.ida default.idq null.ida x.ida null.printer owssvr.dll cltreq.asp
		autodiscover.xml owa/auth ecp/current ews/exchange.asmx _layouts/15 toolpane.aspx guestaccess.aspx _mem_bin mem_bin winnt/system32 controller.ashx
		rpcproxy.dll mapi/nspi`,
	javaSoftware: `setupadministrator.action setup-restore.action server-info.action createpage-entervariables.action
		manager/html manager/text manager/status manager/jmxproxy host-manager jmx-console web-console invokerservlet jmxinvokerservlet ejbinvokerservlet struts2-showcase
		wls-wsat _async uddiexplorer axis2-admin axis2-web geoserver jolokia metadatauploader druid/index.html nacos/v1 functionrouter console/login
		solr/admin admin/cores cluster/cluster ws_utc crx/packmgr system/sling xxl-job-admin dubbo-admin htmlofficeservlet developmentserver console/css console/images
		hudson/script jenkins/login jenkins/script oam/server`,
	device: `mgmt/tm cmdb/system diag_form
		boaform formlogin hnap1 gponform setup.cgi hedwig.cgi getcfg.php login_pic.asp currentsetting.htm dana-na dana-cached +cscoe+ +cscot+ fgt_lang global-protect
		tmui tmshcmd.jsp cgi-bin/luci goform stalker_portal picsdesc.xml wanipcn.xml rpc2_login onvif nas_sharing.cgi networkdiag.cgi fwbcgi userrpm webcm
		sdk/weblanguage evox evox/about hnap tr064 vpnsvc sonicui logonpoint.html board.cgi device.rsp system.ini ddnsmngr.cmd nmaplowercheck remote/login
		remote/fgt_lang vpn/index.html my.policy logon/logonpoint wap/login webman/index.cgi config/getuser stssys.htm level/15 cgi-bin/nobody cgi-mod shell.cgi
		cgi-bin/test-cgi cgi-bin/php cgi-bin/printenv cgi-bin/status cgi-bin/bash cgi-bin/sh cgi-bin/awstats.pl formmail.pl formmail.cgi formmail`,
	serverConsole: `v1/pods
		server-status server-info host-manager/html zabbix nagios nagiosxi cacti _cat _cluster _search redis-commander webmin kubelet _utils awstats.pl awstats awstatstotals.php
		v1/agent v1/kv api/v1/pods containers/json images/json latest/meta-data computemetadata metadata/instance ws/v1 v2/_catalog api/jsonws api/jsonrpc
		_nodes app/kibana solr/select s/_`,
	debugPage: `heapdump actuator/env actuator/heapdump actuator/gateway actuator/jolokia actuator/configprops __debugger__ _profiler app_dev.php frontend_dev.php debugbar _debugbar
		telescope/requests debug/default debug/vars debug/pprof rails/info _environment __env.js clockwork/app meta-inf web-inf`,
	forum: `guestbook.php guestbook.cgi guestbook.asp gbook.php yabb.pl ikonboard.cgi ajax_forum.php`,
	leftBehind: `sftp-config.json ftpsync.settings deployment-config.json id_rsa id_dsa docker-compose.yml dockerfile credentials.json secrets.json secrets.yml database.yml
		parameters.yml appsettings.json application.properties application.yml settings.py local_settings.py backup.zip backup.tar.gz backup.rar www.zip www.rar www.tar.gz
		wwwroot.zip wwwroot.rar web.zip web.rar web.tar.gz site.zip site.rar html.zip public_html.zip db.zip data.zip database.zip website.zip upload.zip uploads.zip
		1.zip 1.rar 123.zip code.zip src.zip old.zip bak.zip backups.zip dump.zip composer.lock debug.log error_log wp-content/debug.log
		backup.tgz wwwroot.tar.gz temp.zip test.zip admin.zip root.zip`,
	webShell: `c99.php r57.php wso.php b374k.php alfa.php alfacgiapi alfa_data alfa-rex.php alfa-rex.php7 alfanew.php alfashell.php shell.php webshell.php cmd.php cmd.asp cmd.aspx cmd.jsp cmdshell.php
		mini.php indoxploit.php marijuana.php gel4y.php 0byte.php bypass.php symlink.php leaf.php leafmailer.php 1337.php xleet.php xleet-shell.php olux.php fox.php fw.php
		lufix.php shell.jsp shell.aspx shell.asp aspxspy.aspx antsword.php behinder.php godzilla.php regeorg.php tunnel.jsp caidao.php phpspy.php angel.php antichat.php
		ani-shell.php simple-backdoor.php php-backdoor.php lock360.php indosec.php haxor.php nstview.php priv8.php locus7s.php backdoor.php simattacker.php upl.php`,
}

// pageProbes say something only where nobody was sent there and there is no such thing. They
// stand near the root.
var pageProbes = map[family]string{
	wordPress:     `wordpress wp wp-content wp1 wp2 wpress oldwp newwp wp-old wp-test wp-json`,
	joomla:        `joomla administrator`,
	drupal:        `drupal user/login user/password sites/all`,
	magento:       `magento downloader index.php/admin`,
	contentSystem: `cms cmsadmin siteadmin webadmin admincp modcp typo3 umbraco bitrix ghost/signin prestashop opencart concrete5`,
	phpSoftware: `info.php test.php i.php php.php p.php upload.php admin.php login.php install.php setup.php config.php configuration.php license.php readme.php old.php new.php tmp.php temp.php
		1.php 2.php 123.php a.php x.php xx.php z.php about.php content.php ajax.php`,
	aspSoftware:   `admin.asp login.asp admin_login.asp upload.asp upfile.asp config.asp conn.asp a.asp index.asp admin.aspx login.aspx owa ecp`,
	javaSoftware:  `manager console login.jsp index.jsp login.do login.action index.action solr jenkins hudson nexus`,
	device:        `cgi-bin cgi luci webui sdk menu.html viewer.html main.html remote nvr`,
	serverConsole: `cpanel whm plesk grafana kibana portainer rundeck minio zabbix`,
	debugPage: `actuator env trace swagger swagger-ui swagger-ui.html swagger.json swagger.yaml api-docs v2/api-docs v3/api-docs graphiql playground graphql-playground altair debug httptrace
		loggers configprops telescope pprof`,
	adminPage: `admin admin1 admin2 adm administration admins adminpanel admin-panel admin-console admin_area adminarea admin.html admin.htm backend backoffice cpadmin
		controlpanel superadmin sysadmin system-admin webmaster`,
	forum:      `forum forums phpbb phpbb2 phpbb3 bbs smf mybb guestbook ucp.php member.php register.php posting.php newreply.php newthread.php trackback`,
	leftBehind: `backup backups bak dump dumps sql`,
}

// one reports a family that is one product, or such as a site has one of. Where it serves a piece of it,
// it has it. The others are many products that have nothing to do with each other.
func (f family) one() bool {
	return f == wordPress || f == joomla || f == drupal || f == magento || f == forum || f == adminPage
}

// probes are all of them by name.
var probes = func() map[string]probe {
	all := map[string]probe{}
	for sure, list := range map[bool]map[family]string{true: sureProbes, false: pageProbes} {
		for family, names := range list {
			for name := range strings.FieldsSeq(names) {
				if p, ok := all[name]; !ok || sure && !p.sure || sure == p.sure && family < p.family {
					all[name] = probe{family: family, sure: sure}
				}
			}
		}
	}
	return all
}()

// mostNames of a path are looked at.
const mostNames = 24

// probed says what a folded path is a name of.
func probed(path string) (best probe) {
	previous, from, segments := -1, 1, 0
	for from < len(path) && segments < mostNames {
		end := strings.IndexByte(path[from:], '/')
		if end < 0 {
			end = len(path)
		} else {
			end += from
		}
		segments++
		p := probes[path[from:end]]
		if segments == 1 && p.family == noFamily && greets(path[from:end]) {
			p = probe{family: webShell, sure: true}
		}
		p.begins = end
		if previous > 0 && !p.sure {
			if pair := probes[path[previous:end]]; pair.family != noFamily {
				p, p.begins = pair, from-1
			}
		}
		switch {
		case p.sure:
			return p
		case segments <= 2 && best.family == noFamily:
			best = p
		}
		previous, from = from, end+1
	}
	return best
}

// greets reports a name that a scanner announces itself by: DFind's, nmap's.
func greets(name string) bool {
	return strings.HasPrefix(name, "w00tw00t") || strings.HasPrefix(name, "nmaplowercheck")
}

// Files that no site means to serve, by how their names end.
var leakEndings = [...]string{
	".sql", ".sql.gz", ".sql.zip", ".sql.bz2", ".bak", ".bak.zip", ".swp", ".swo", ".orig", ".save", ".mdb", ".sqlite", ".sqlite3", ".pem", ".pfx", ".p12", ".ppk",
	".kdbx", ".env", ".htpasswd", ".htaccess", ".old", ".php~", ".dump", ".inc.php.txt", ".php.txt", ".php.bak", ".php.old", ".php_bak", ".tfstate",
}

// hides reports a path with a name that begins with a dot, which is how files are named that are
// not to be seen.
func hides(path string) bool {
	i := strings.Index(path, "/.")
	return i >= 0 && !strings.HasPrefix(path[i:], "/.well-known")
}

// leaks reports a path that names a file which was left behind: a backup, a dump. It goes by how
// such names end, not by a list of paths.
func leaks(path string) bool {
	path = trimSlash(path)
	for _, end := range leakEndings {
		if strings.HasSuffix(path, end) && len(path) > len(end)+1 {
			return true
		}
	}
	return false
}

// scripts are endings of programs that run on a server.
var scripts = [...]string{
	"php", "asp", "aspx", "ashx", "asmx", "jsp", "jspx", "jspa", "do", "action", "cgi", "cfm", "cfc", "esp", "axd", "php3", "php4",
	"php5", "php7", "phtml", "nsf", "cmd", "ida", "idq", "printer", "htr", "fcgi", "rsp",
}

// scriptOf answers the number of the first ending of a program in a path, from 1; 0 for none.
func scriptOf(path string) int {
	for from := 0; ; {
		dot := strings.IndexByte(path[from:], '.')
		if dot < 0 {
			return 0
		}
		from += dot + 1
		end := from
		for end < len(path) && path[end] != '/' && path[end] != '.' {
			end++
		}
		if end < len(path) && path[end] == '.' {
			continue
		}
		for i, s := range scripts {
			if path[from:end] == s {
				return i + 1
			}
		}
	}
}

// A kind of file that pages draw in, or that programs ask every site for.
type fileKind uint8

const (
	otherFile fileKind = iota
	drawn              // drawn in by a page
	courtesy           // asked of every site: robots.txt, icons, feeds
)

// drawnIn reports whether names that end like that are of what pages draw in.
func drawnIn(ending string) bool {
	switch ending {
	case ".css", ".js", ".mjs", ".png", ".jpg", ".jpeg", ".gif", ".ico", ".svg", ".webp", ".avif", ".bmp", ".woff", ".woff2", ".ttf", ".eot", ".otf", ".map", ".mp3", ".mp4", ".webm":
		return true
	}
	return false
}

var courtesies = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(`favicon.ico favicon.png favicon.svg favicon.gif robots.txt sitemap.xml sitemap.txt sitemap.xml.gz sitemap_index.xml sitemap-index.xml sitemap.html
		sitemaps.xml ads.txt app-ads.txt sellers.json humans.txt security.txt llms.txt browserconfig.xml manifest.json manifest.webmanifest site.webmanifest
		crossdomain.xml clientaccesspolicy.xml opensearch.xml feed feeds rss atom rss.xml atom.xml feed.xml index.xml index.rdf rss.php feed.atom feed.rss
		apple-app-site-association assetlinks.json service-worker.js sw.js p3p.xml labels.rdf trust.txt ping health healthz readyz livez dnt-policy.txt`) {
		all[name] = true
	}
	return all
}()

func fileKindOf(path string) fileKind {
	if strings.HasPrefix(path, "/.well-known/") {
		return courtesy
	}
	last := trimSlash(path)
	last = last[strings.LastIndexByte(last, '/')+1:]
	dot := strings.LastIndexByte(last, '.')
	switch {
	case courtesies[last] || likeCourtesy(last):
		return courtesy
	case dot >= 0 && drawnIn(last[dot:]):
		return drawn
	}
	return otherFile
}

// likeCourtesy reports a name that begins like those of files that programs ask every site for.
func likeCourtesy(name string) bool {
	if name == "" {
		return false
	}
	switch name[0] {
	case 'a':
		return strings.HasPrefix(name, "apple-touch-icon") || strings.HasPrefix(name, "android-chrome-")
	case 'f':
		return strings.HasPrefix(name, "favicon-")
	case 'g':
		return strings.HasPrefix(name, "google") && strings.HasSuffix(name, ".html")
	case 'm':
		return strings.HasPrefix(name, "mstile-")
	case 's':
		return strings.HasPrefix(name, "safari-pinned-tab") || strings.HasPrefix(name, "sitemap") && strings.HasSuffix(name, ".xml")
	}
	return false
}
