"""Which language a text is in: a guess by its commonest small words, or by its letters where those say it.

Every language has a few dozen words that nearly half of any text is made of: articles, pronouns,
prepositions. A text's words are looked up in those lists; a word that several languages have counts for each
of them by its share, and letters that few languages have count for a little. Names and terms travel between
languages and are in no list. A guess needs evidence, else it is `und` (ISO 639-2, undetermined). It is a
column of windows and decides nothing. Source: Grefenstette 1995, "Comparing two language identification
schemes"; how often it is right: `bench.tongues`. Counterpart: `wording`, which names the writing system.
"""

from __future__ import annotations

import re

WORDS: dict[str, str] = {
    "en": "the of and to in is that it for was you with as on are be this have from or by not but what"
    " all were we when your can there an which their if will they i his her would about how our"
    " has had been",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an"
    " werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über so zum kann"
    " oder wenn ich wir",
    "fr": "le de la et les des en un une du est que qui dans pour par sur pas plus au avec ce il sont"
    " ne se vous nous elle je cette ou mais comme ses aux être fait peut ont été leur si même",
    "es": "de la que el en y los del se las por un para con no una su al es lo como más pero sus le ya"
    " o este sí porque esta entre cuando muy sin sobre también me hay donde quien desde está todo"
    " nos ser son",
    "it": "di che è e la il un a per in una sono mi si ho non ma lo ha le con i da se come del della"
    " nel alla dei gli al più anche questo io ci delle quando dal nella essere o così",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele"
    " das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela são"
    " você",
    "nl": "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om"
    " hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit worden wordt"
    " naar kan deze",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från"
    " vi så kan när man efter upp alla eller hon vara blir ska där också du detta finns",
    "da": "og i at det er en til på af for med de den der som har ikke et var jeg han om vi men kan sig"
    " fra skal så når hvis blev eller være hun også havde efter dette bliver du vil",
    "nb": "og i det er på til en av for å som med ikke at den har de var et om jeg han fra men vi kan"
    " så seg skal hvis eller når være ble også etter hun dette blir du vil hadde noe",
    "fi": "ja on ei se että hän oli mutta ole kun niin myös kuin jos ovat joka mitä tai minä olen sen"
    " ne vain tämä voi siitä vielä kanssa mukaan sitä nyt kuitenkin jotka sekä",
    "pl": "i w na z do nie się że to jest o jak po co tak za od ale przez przy jego są dla jej czy lub"
    " oraz może być który która które już tylko tego ten ta było był gdy",
    "cs": "a se v na je že to s z do i o k ve pro za by jsem ale jako po od které který jak nebo jeho"
    " jsou co už při může být aby také tak však není bylo byl když této",
    "hu": "a az és hogy nem is egy ez azt meg van volt csak de ha mint el már még kell vagy ki lesz"
    " lehet minden amely ezt majd akkor nincs pedig után által be mert",
    "ro": "și de în la a cu pe nu o din se că este un ce sau mai pentru care sunt prin ca să au fost"
    " dar lui fi ai această acest când dacă poate fie între după ei",
    "tr": "ve bir bu da de için ile çok ne gibi daha o var ama olarak kadar en sonra ki olan mi değil"
    " ben veya her ya bunu olduğu ise şey onun zaman diye iki",
    "id": "yang dan di dari ini itu untuk dengan tidak pada adalah dalam akan ke oleh saya juga atau"
    " ada dapat seperti karena mereka kami anda bisa lebih telah sebagai sudah jika",
    "vi": "và của là có không được cho một trong với các người những này đã để khi cũng từ đó như về"
    " tôi bạn ở đến rất thì nhưng hoặc nếu lại còn nhiều vào ra",
}
"""Small words of languages in Latin letters, commonest first."""

LETTERS = {
    "greek": "el",
    "hebrew": "he",
    "thai": "th",
    "kana": "ja",
    "hangul": "ko",
    "han": "zh",
    "devanagari": "hi",
}
"""Writing systems that, among the languages most asked for, one language has."""

MARKS = {
    "cyrillic": ((re.compile("[іїєґ]"), "uk"), (re.compile("[ыэё]"), "ru"), (re.compile("ъ"), "bg")),
    "arabic": ((re.compile("[ٹڈڑےں]"), "ur"), (re.compile("[پچژگک]"), "fa")),
}
"""Letters that tell languages of one writing system apart, the first that is there; else `OTHERWISE`."""

OTHERWISE = {"cyrillic": "ru", "arabic": "ar"}

OWN: dict[str, str] = {
    "cs": "řěů",
    "da": "æø",
    "de": "ß",
    "es": "ñ¿¡",
    "fi": "äö",
    "fr": "œêèùûç",
    "hu": "őű",
    "nb": "æø",
    "pl": "łęąńśźż",
    "pt": "ãõ",
    "ro": "șțşţă",
    "sv": "äö",
    "tr": "ığ",
    "vi": "ơưạảấầẩậắằặẹẻẽếềểễệỉịọỏốồổộớờởợụủứừửữựỳỵỷỹ",
}
"""Letters that few languages have: a word with one is half the evidence that a small word is."""

UNDETERMINED = "und"

LOOKED_AT = 4096
"""Characters of a text that are looked at."""

LEAST_HITS = 2.0
"""Small words that a guess needs at least, shared ones by their share."""
LEAST_SHARE = 0.1
"""Of all words; running text of the languages above has 0.2 to 0.5."""
MARGIN = 1.05
"""Times that the best must be better than the next."""

_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in WORDS.items():
    for _word in _words.split():
        _OF[_word] = (*_OF.get(_word, ()), _language)

_LETTER: dict[str, tuple[str, ...]] = {}
for _language, _letters in OWN.items():
    for _letter in _letters:
        _LETTER[_letter] = (*_LETTER.get(_letter, ()), _language)

_WORD = re.compile(r"[^\W\d_]+")


def language(text: str, script: str) -> str:
    """ISO 639-1 of the language that this text is most likely in, or `und`. `script`: of most of its letters,
    as `wording.script` names it."""
    if script == "latin":
        return _latin(text[:LOOKED_AT])
    if script in MARKS:
        lower = text[:LOOKED_AT].lower()
        return next((name for mark, name in MARKS[script] if mark.search(lower)), OTHERWISE[script])
    return LETTERS.get(script, UNDETERMINED)


def _latin(text: str) -> str:
    words = _WORD.findall(text.lower())
    scores: dict[str, float] = {}
    for word in words:
        languages, weight = _OF.get(word, ()), 1.0
        if not languages and not word.isascii():
            languages, weight = next((_LETTER[char] for char in word if char in _LETTER), ()), 0.5
        for name in languages:
            scores[name] = scores.get(name, 0.0) + weight / len(languages)
    (best, most), (_, next_most) = sorted(
        [*scores.items(), ("", 0.0), ("", 0.0)], key=lambda found: -found[1]
    )[:2]
    sure = most >= max(LEAST_HITS, LEAST_SHARE * len(words)) and most >= MARGIN * next_most
    return best if sure else UNDETERMINED
