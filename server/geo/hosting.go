package geo

import "slices"

// hosting are networks of servers, relays and VPNs: nobody lives there, and who comes from there is
// elsewhere. The numbers of the large ones, as the regional registries list them.
var hosting = []uint32{
	3223,   // Voxility
	7979,   // Servers.com
	8075,   // Microsoft Azure
	8100,   // QuadraNet
	9009,   // M247, which many VPNs rent from
	12876,  // Scaleway
	13335,  // Cloudflare
	14061,  // DigitalOcean
	14618,  // Amazon EC2
	15169,  // Google
	16276,  // OVH
	16509,  // Amazon
	16625,  // Akamai
	19871,  // Network Solutions
	20454,  // Secured Servers
	20473,  // Vultr
	20940,  // Akamai
	21859,  // Zenlayer
	24940,  // Hetzner
	25820,  // IT7
	26347,  // DreamHost
	26496,  // GoDaddy
	28753,  // Leaseweb DE
	29802,  // HIVELOCITY
	30633,  // Leaseweb US
	31898,  // Oracle Cloud
	32613,  // iWeb
	33070,  // Rackspace
	35916,  // MULTACOM
	36352,  // ColoCrossing
	37963,  // Alibaba
	39351,  // 31173, Mullvad
	40676,  // Psychz
	45090,  // Tencent
	45102,  // Alibaba
	46606,  // Unified Layer
	47583,  // Hostinger
	49981,  // WorldStream
	51167,  // Contabo
	53667,  // FranTech
	54113,  // Fastly
	54290,  // Hostwinds
	55286,  // ServerMania
	60068,  // Datacamp
	60781,  // Leaseweb NL
	61317,  // Digital Energy
	62240,  // Clouvider
	62567,  // DigitalOcean
	63949,  // Linode
	132203, // Tencent
	136907, // Huawei Cloud
	138915, // Kaopu
	197540, // netcup
	200651, // FlokiNET
	202425, // IP Volume
	202448, // MVPS
	206092, // SECFIREWALLAS, Surfshark
	209103, // Proton
	211252, // Delis
	212238, // Datacamp
	213230, // Hetzner US
	396982, // Google Cloud
	398101, // GoDaddy
}

func hosts(asn uint32) bool {
	_, is := slices.BinarySearch(hosting, asn)
	return is
}
