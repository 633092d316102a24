"""Words that are not private although they appear where private ones may: users, parts of paths, values."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Users of services: the same everywhere, and needed to say who holds a card.
SYSTEM_USERS = _words(
    """
    root daemon bin sys nobody pcscd pcsc scard polkitd messagebus dbus gdm Debian-gdm sddm lightdm lxdm
    greeter geoclue colord rtkit avahi usbmux saned cups sshd sssd tss nagios icinga zabbix nrpe www-data
    tomcat gnome-initial-setup gnome-remote-desktop
    """
)

# Names of people and hosts that are also words of this field: where they are only words, they are not private.
VOCABULARY = _words(
    """
    ad agent alma alpine arch card cards ccid centos client com config corp daemon debian disable docker enabled
    fedora file gentoo gnu gnuk gnupg gpg gpgconf group home host installed internal intranet kali key keys lan linux
    local localdomain localhost lxc machine mint name net nitrokey nixos none openpgp opensuse option org pcsc
    pcscd pin pipe podman port probe process program raspbian reader rhel rocky root running scdaemon serial
    server session shared smart socket ssh suse system systemd test the this time token tty ubuntu unknown usb
    user version void wayland x11 yubico yubikey
    """
)

# Parts of paths, below homes and elsewhere, that are the same for everybody.
SEGMENTS = _words(
    """
    ~ . .. root home run user tmp var opt usr local srv mnt data bin sbin lib lib64 libexec share etc config
    .config .local .cache .gnupg gnupg .gnupg-home private-keys-v1.d openpgp-revocs.d S.scdaemon S.gpg-agent
    S.gpg-agent.ssh S.gpg-agent.extra S.gpg-agent.browser S.keyboxd scdaemon scdaemon.conf gpg-agent
    gpg-agent.conf common.conf gpg.conf gpg gpgconf gpgdoctor pcscd pcscd.comm pcsc-shared dotfiles .dotfiles
    chezmoi .chezmoi yadm stow home-manager .nix-profile homebrew Cellar Library
    """
)

# Words in the paths of systems and their packages.
OF_SYSTEMS = _words(
    """
    usr lib lib32 lib64 libx32 libexec share bin sbin etc opt var local games include src run lock dev shm bus
    proc self exe sys class devices snap current app flatpak exports apps gnu store nix wrappers profiles
    profile per sw guix x86 i386 i486 i586 i686 amd64 aarch64 arm64 armel armhf arm powerpc powerpc64le
    ppc64le riscv64 s390x musl linux gnueabihf multiarch alternatives conf config default polkit rules udev
    pam init cron dbus xdg autostart python python3 site packages dist node modules java jvm firefox esr
    thunderbird chromium chrome google brave browser libreoffice program soffice gnupg gnupg1 gnupg2 gpg gpg2
    gpgv gpgsm gpgconf gpgtools agent scdaemon keyboxd dirmngr tpm2daemon pinentry curses gtk gtk2 gtk3 gnome
    gnome3 qt qt4 qt5 qt6 tty x11 mac fltk efl tqt bemenu rofi kwallet wayland wrapped macgpg2 pcsc pcsclite
    pcscd comm drivers serial contents bundle ifd ccid libccid reader readers opensc pkcs11 p11 kit onepin
    proxy server spy ykcs11 libykcs11 libpcsclite libpcscspy libcackey libcoolkeypk11 libopensc real so dylib
    dll gdm sddm systemd system user session service socket polkitd tool tools vendor version card cards
    smartcard yubikey ykman openpgp gpgdoctor scd log conf.d md txt
    """
)

# Predefined values of options.
VALUES = _words(
    """
    none basic advanced expert guru yes no on off true false enable enabled disable disabled all undefined
    auto openpgp piv nks p15 dinsig geldkarte sc-hsm ipc app cardio reader cache memory
    """
)

META_COMMANDS = _words(
    """
    user force ignore ignore-all verbose echo info expand let getenv getreg if else fi command-mode
    """
)
