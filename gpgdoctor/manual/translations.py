"""What GnuPG and the C library print in other languages and on other systems, for texts that are pasted from there.

The words are those of GnuPG 2.2.40, libgpg-error 1.46 and glibc 2.36 (their message catalogues), of musl and of
macOS and the BSDs. Only what tells causes apart is here; everything else stays as it was pasted.
"""

from __future__ import annotations

import re
from functools import cache

# English: what stands elsewhere, German, French, Spanish and Italian first. Longer ones are replaced first.
WORDS = {
    "No such device": (
        *("Kein passendes Gerät gefunden", "Aucun périphérique de ce type", "No existe el dispositivo"),
        *("Nessun device corrisponde", "Operation not supported by device"),  # the second: ENODEV of macOS and the BSDs
        *("Dispositivo inexistente", "Nie ma takiego urządzenia", "Enheten finns inte", "Нет такого устройства"),
        *("没有那个设备", "そのようなデバイスはありません"),
    ),
    "OpenPGP card not available": (
        *("OpenPGP Karte ist nicht vorhanden", "la carte OpenPGP n'est pas disponible"),
        *("tarjeta OpenPGP no disponible", "Scheda OpenPGP non disponibile", "OpenPGP-Karte ist nicht vorhanden"),
        *("Karta OpenPGP niedostępna", "OpenPGP-kort är inte tillgängligt", "Карта OpenPGP недоступна"),
        *("OpenPGP 卡不可用", "OpenPGPカードが利用できません"),
    ),
    "signing failed": ("Beglaubigung fehlgeschlagen", "échec de la signature", "firma fallida", "firma fallita"),
    "public key decryption failed": (
        *("Entschlüsselung mit Public-Key-Verfahren fehlgeschlagen", "échec du déchiffrement par clef publique"),
        *("descifrado de la clave pública fallido", "decifratura della chiave pubblica fallita"),
    ),
    "decryption failed": (
        *("Entschlüsselung fehlgeschlagen", "échec du déchiffrement", "descifrado fallido", "decifratura fallita"),
    ),
    "error getting version from": (
        *("Fehler beim Holen der Version von", "error intentando averiguar la versión de"),
        *("errore durante il recupero della versione da",),
    ),
    "no gpg-agent running in this session": (
        *("Der gpg-agent läuft nicht für diese Session",),
        *("aucune instance de gpg-agent n'est en cours d'exécution dans cette session",),
        *("no hay un agente gpg ejecutándose en esta sesión", "nessun gpg-agent in esecuzione in questa sessione"),
    ),
    "Please insert the card with serial number": (
        *(
            "Bitte legen Sie die Karte mit der folgenden Seriennummer ein",
            "Veuillez insérer la carte de numéro de série",
        ),
        *("Por favor inserte la tarjeta con número de serie", "Inserire la scheda con il numero di serie"),
    ),
    "No SmartCard daemon": (
        *("Kein Karten-Daemon", "Pas de démon SmartCard", "No hay agente de SmartCard"),
        *("Nessun demone per la SmartCard",),
    ),
    "Card error": ("Kartenfehler", "Erreur de carte", "Error de tarjeta", "Errore della scheda"),
    "Not supported": ("Nicht unterstützt", "Non pris en charge", "Non supportato"),
    "No public key": (
        *("Kein öffentlicher Schlüssel", "Pas de clef publique", "No hay clave pública", "Nessuna chiave pubblica"),
    ),
    "No agent running": (
        *("Agent läuft nicht", "Pas d'agent en cours d'exécution", "No hay ningún agente en ejecución"),
        *("Nessun agente in esecuzione",),
    ),
    "IPC connect call failed": (
        *('IPC "connect" Aufruf fehlgeschlagen', "Échec de l'appel IPC connect", "Falló la llamada de conexión IPC"),
        *('Chiamata "connect" IPC non riuscita',),
    ),
    "PIN blocked": ("PIN ist blockiert", "Code personnel bloqué", "PIN bloqueado", "PIN bloccato"),
    "Timeout": ("Zeitüberschreitung", "Délai d'attente dépassé", "Tempo scaduto"),
    "Hardware problem": (
        *("Problem mit der Hardware", "Problème matériel", "Problema de hardware", "Problema hardware"),
    ),
    "Conditions of use not satisfied": (
        *("Nutzungsvorraussetzungen nicht erfüllt", "Conditions d'utilisation non satisfaites"),
        *("Condiciones de uso no satisfechas", "Le condizioni d'uso non sono state soddisfatte"),
    ),
    "invalid option": ("Ungültige Option", "option incorrecte", "opción inválida"),
    "is older than us": ("ist älter als wir selbst", "es más viejo que nosotros", "è precedente a noi"),
    "probably not installed": (
        *("wahrscheinlich nicht installiert", "il n'est sans doute pas installé", "probablemente no está instalado"),
        *("probabilmente non installato",),
    ),
    "Please remove the current card and insert the one with serial number": (
        *("Bitte entfernen Sie die vorhanden Karte und legen Sie die mit der folgenden Seriennummer ein",),
        *("Veuillez retirer la carte présente et insérer celle de numéro de série",),
        *("Por favor retire tarjeta actual e inserte la que tiene número de serie",),
        *("Rimuovere la carta corrente e inserire quella con il numero di serie",),
    ),
    "Inappropriate ioctl for device": (
        *("Unpassender IOCTL (I/O-Control) für das Gerät", "Ioctl() inapproprié pour un périphérique"),
        *("Función ioctl no apropiada para el dispositivo", "ioctl non appropriata per il device"),
    ),
    "File name too long": (
        *("Der Dateiname ist zu lang", "Nom de fichier trop long", "Nombre de fichero demasiado largo"),
        *("Nome del file troppo lungo", "Filename too long"),  # the second of musl
    ),
    "No secret key": (
        *("Kein geheimer Schlüssel", "Pas de clef secrète", "No tenemos la clave secreta", "Nessuna chiave segreta"),
    ),
    "Operation cancelled": (
        *("Verarbeitung wurde abgebrochen", "Opération annulée", "Operación cancelada", "Operazione annullata"),
    ),
    "Card not present": ("Karte nicht vorhanden", "Carte absente", "La tarjeta no está", "Scheda non presente"),
    "Card removed": ("Karte wurde entfernt", "Carte enlevée", "Tarjeta removida", "Scheda rimossa"),
    "Bad PIN": ("Falsche PIN", "Mauvais code personnel", "PIN incorrecto", "PIN errato"),
    "Service is not running": ("Service ist nicht aktiv",),
    "End of file": ("Dateiende", "Fin de fichier", "Fin del fichero", "Fine del file"),
    "No pinentry": ("Kein Pinentry", "Pas de pinentry", "No hay Pinentry", "pinentry non è installato"),
    "Forbidden": ("Verboten", "Prohibido"),
    "General error": ("Allgemeiner Fehler", "Erreur générale", "Error general", "Errore generale"),
    "Wrong card": ("Falsche Karte", "Mauvaise carte", "Tarjeta incorrecta", "Scheda errata"),
    "Conflicting use": (
        *("Widersprüchliche Benutzung", "Utilisation conflictuelle", "Uso incompatible", "Uso in conflitto"),
    ),
    "Broken pipe": (
        *("Datenübergabe unterbrochen (broken pipe)", "Relais brisé (pipe)", "Tubería rota", "Pipe interrotta"),
    ),
    "Connection refused": (
        *("Verbindungsaufbau abgelehnt", "Connexion refusée", "Conexión rehusada", "Connessione rifiutata"),
    ),
    "Permission denied": (*("Keine Berechtigung", "Permission non accordée", "Permiso denegado", "Permesso negato"),),
    "No such file or directory": (
        *("Datei oder Verzeichnis nicht gefunden", "Aucun fichier ou dossier de ce type"),
        *(
            "No existe el archivo o el directorio",
            "No existe el fichero o el directorio",
            "File o directory non esistente",
        ),
    ),
    "Input/output error": (
        *("Eingabe-/Ausgabefehler", "Erreur d'entrée/sortie", "Error de entrada/salida", "Errore di input/output"),
    ),
    "Card serial no. =": (
        *("Kartenseriennr. =", "Nº de série de carte =", "Número de serie de la tarjeta ="),
        *("Numero seriale della scheda =",),
    ),
    "command not found": (
        *("Befehl nicht gefunden", "Kommando nicht gefunden", "commande introuvable", "orden no encontrada"),
        *("comando non trovato",),
    ),
}

# What musl has; only behind a colon, for scdaemon has a "card I/O error" of its own.
AFTER_A_COLON = {"I/O error": "Input/output error", "Not a tty": "Inappropriate ioctl for device"}


@cache
def _pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    english = {foreign.casefold(): word for word, all_of_them in WORDS.items() for foreign in all_of_them}
    longest_first = sorted(english, key=lambda text: (-len(text), text))
    either = "|".join(re.escape(text) for text in longest_first)
    behind = "|".join(map(re.escape, AFTER_A_COLON))
    english |= {text.casefold(): word for text, word in AFTER_A_COLON.items()}
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)|(?<=: )(?:{behind})(?!\w)", re.IGNORECASE), english


def in_english(text: str) -> str:
    """The text with what GnuPG and the C library said in one of these languages in their English words.

    French sets a no-break space before a colon; it goes.
    """
    pattern, english = _pattern()
    text = text.replace("\u2019", "'").replace("\u00a0:", ":").replace("\u202f:", ":").replace("n\u00b4", "n'")
    return pattern.sub(lambda found: english.get(found[0].casefold(), found[0]), text)
