"""The words that may stand in a reader's name: what the makers print on every one of them, and so on nobody's alone."""

from __future__ import annotations

# Every word of the names in readers/supported_readers.txt of libccid 1.8.2 (2026-06), in lower case.
OF_LIBCCID = """
0 001 0013 0014 0015 0016 0023 0024 0025 0026 010 0203 0204 0205 0206 05 06 09 1 1000 101 1021 102mu 1150 1275 13
1300 1c 1s 1xx44 2 200 202 2100r 250 2700 2900 2910 2980 2a 2xxx 3 3001 3101 3106 3121 32 331 3310 3311 335 350 3512
3522 355 3621 3700 3701 371 3720 3721 3821 38u 3x 3x21 4 4000 405 420 4321 433 440 441 4500 4510 460 4701 4711 4g
4smart 500u 502 5022 5023 5025 5027ck 50n 5100 5110 5121 5122 5125 5127 5300 532 5321 5326 5421 5422 5427 550 56mhz
58200 5880 5ccid 603 6121 620 6321 7300 770 7a 8 860 870 875 920 a abcm6 access acr acr101 acr122u acr1251 acr1252
acr1252imp acr1255u acr1281u acr1552 acr1581 acr33 acr3901u acr39u acr40t acr40u acs activcard actividentity
activkey ad advanced aegis aes af ag air airid ak910 ak9563 ak9567 ak9572 aktiv aladdin alcor almaz alpha alya ancud
angara apg8201 apollo appidkey arculus argos arksigner armory ase asedrive ask at90s064 at90scr050 at90scr100
at90scr200 at91sc192192ct at91so at98sc032ct athena atmel atr210 atr220 au9520 au9522 au9540 auriga authenticator
authentikey authenton avestkey avestua avidcard avtor axalto b b1 b2 base basic basis beta bhdc bifit bio bio3
biometric biometrics biopass bit4id ble bludrive blue bluetooth bluink blutronics board br301 br500 branch broadcom
bt bud001 budget business c c3po cac canokey canokeys cap card cardman care castles cb ccb ccid ccr ccr7115 ccr7125
ccr7315 certgate channel charismathics cherry chicony chip chrom cir115 cir125 cir135 cir215 cir315 cir415 cir515
cir615 circle ciright ck ckey ckey4 cl cl1356a cl1356t cli cloud co combi combo communications company computers
config connect2sign consulting contact contactless controller core corp cosmo covadis cpf3 cpl108 cr2000 cr5400
crazywriter creator crescendo crt crw crypt cryptnoxcr crypto cryptoidentity cryptokey cryptomate cryptomate64
cryptotech crystal csb6 ct1100 ctap2 cut cx00 cyberflex cyberjack cz1 d d1 d2cim d321 d323 dc dc4 de dell desko
device devrient dexon dfr di diamond diebold digipass digitais digital dna doctolib domino dongle dot dp855 dp865
dp905v1 dragon dtc dual duali dualslot dvusb dwr18 dxtoken e e518 easyfinger ecp ecv eid ejava elatec elyctis embd
emv enetpad enterprise epass2003 epass2003auto epassport er433x er773x es esafeld esig esmart esmartdx etoken eutron
evo ex excelsecu express expresscard54 ezccid ezio f feitian felica fido fido2 fingerprint fips flash flex flight
forms foundation foundry free ft fujitsu fujitsutechnologysolutions fullsize fusion fusion3 g87 gem gemalto gemcore
gempc gempcpinpad gemplus generic genesys german ghi giesecke giga gis global glsolutions gmbh gnuk go gobi goldkey
gost gotrust guardian h512 h518 h663 hc hdzb henarejos hewlett hf hhd02 hid hitachi hp hpc hsic hsid hsm hv hwdssl
hybrid iam ibank2key icc iccd id id100l id3 id50 id60 idaxis idbridge ideas idem identiv identive identy idone
idprotect idtoken if ii iid iii iiie iit imprivata in inc incredist infocert infocrypt infothink ingenico initiative
inmax inside integrated interface ionide ir301 is iso it itoken j1 jacarta jacartareader japan jc jc600 jc602
jcop41v221 jcr jp jsolutions k18 k3000 kaan kacst kap kapelse kapsch kb kb100 kbr36 kc kebtechnology kensington key
keyboard keypass keyxentic kingtrust kobil kona kr kronegger kx906 landi ldu ledger lenovo leo librem light2 link
link2 linkreader lite liteon llc logic lp lt lt4112 ltc31 ltc32 ltc36 ltc3x ltd ltda m m4 m519 macally magistra marx
maxx mc mcore md mfa mfp micro microchip microsystems midentity mii136c milko mini minilector mk mlector mobikey
mobile module molto2 morpho move msi mso1350 mso350 mso351 mulann multi multicard myleo mysmart n nano nc001 neo
neowave net nfc nitrokey nixdorf nm61 ntt nttcom nxp o o2 oberthur object ocs of omnikey one onekey openpgp otp
oz776 p packard pad panasonic pass passkey pc pcsc pdt pe pegoda penta pgp philips picc pico pin pinhandy pinpad piv
pivkey pk1 planeta platform plug plus pn7362au pn7462au pocket pocketvault pol portable pos pr533 precise prime
privacy pro pro4 programpark project prox pu puck purism pvt r r502 r6 r701 r805 raritan rc rc700 reader reflex
regula reiner rf rfid rfrw richmond rng rocketek roll rosetta route1 rsa rt rutoken s s1 s1sc1 s300 s660 sa sabre
safenet safetech safetouch safetrust sam sample sc scanner scard schlumbergersema scl010 scl01x scm scr scr1 scr2
scr301 scr310 scr331 scr3310 scr3320 scr3340 scr33x scr3500 scr35xx sct sct3522cc sd5931 sdi010 sdi011 se seal
sec1110 sec1210 secovid securbio secure securepiv securetoken securid security secutech semiconductors sense sensor
sensyl series shell shield siemens sign sim simcard simhub single sitecom sk skylab sl slim slot smart smartboard
smartcard smartcase smartkey smartmouse smartmx smartos smartterminal softforum software solo solokeys solutions
sony sp spc specinfosystems spr springcard springcore spyrus sr ssc st standard star starreader starsign start stax
std200 stick storage su sunrex swap swissbit syc synnix sysking sysmocom sysmooctsim system systems t2 t800 taglio
tanjack taurus tc tc63cut021 technologies technology tecnologias teridian terminal thales thrc thursby ti tianyu
tltc2usb tms todos token token2 tokena tokenme tokey toppan trafficcom tsc12xxfv tss twin twn4 two u u2f ubisys udea
ukeyci800 ultimate unicept usb usb2 utrust v1 v2 v3 validy vasco vaultic vaultic420 vaultic440 vaultic460 vega
vericlass verimark verisign vhbr virtual visual vix vm vmware vr504 vt w5181 walletmate watchcnpc watchdata wcmi
webpass weneo winbond wired wirelesskey witeo with worksafe x x8 xecurehsm xi xiring xl xx1x xx33 xx44 yubico
yubikey z
"""

# Models and makers on no list of libccid's: other drivers, virtual readers, and what firmware calls itself.
OF_OTHERS = """
04c4 5422cl acr1552u au9560 fsij hdk icc2024 openpgp pcd pgp scr3310v2 serial smartcards trussed usbip vpcd vsmartcard
"""

# English around them.
PLAIN = "and for no number of other port the with"

READER_WORDS = frozenset(f"{OF_LIBCCID} {OF_OTHERS} {PLAIN}".split())
