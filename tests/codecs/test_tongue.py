"""Languages of short texts of every kind, and texts that are in none. `bench.tongues` counts how often."""

import pytest

from sidecar.codecs import wording
from sidecar.codecs.tongue import UNDETERMINED, WORDS, language

TEXTS = {
    "en": "The train from the north was late again, and nobody could tell us when it would come.",
    "de": "Der Zug aus dem Norden war wieder zu spät, und niemand konnte uns sagen, wann er kommt.",
    "fr": "Le train du nord était encore en retard et personne ne pouvait nous dire quand il viendrait.",
    "es": "El tren del norte llegó tarde otra vez y nadie nos pudo decir cuándo iba a llegar el otro.",
    "it": "Il treno del nord era di nuovo in ritardo e nessuno sapeva dirci quando sarebbe arrivato.",
    "pt": "O comboio do norte atrasou-se outra vez e ninguém nos sabia dizer quando é que ele chegava.",
    "nl": "De trein uit het noorden was weer te laat en niemand kon ons zeggen wanneer hij zou komen.",
    "sv": "Tåget från norr var försenat igen och ingen kunde säga till oss när det skulle komma.",
    "pl": "Pociąg z północy znowu się spóźnił i nikt nie mógł nam powiedzieć, kiedy przyjedzie.",
    "cs": "Vlak ze severu měl zase zpoždění a nikdo nám nemohl říci, kdy přijede, protože to nevěděl.",
    "fi": "Juna oli taas myöhässä, eikä kukaan voinut sanoa, milloin se tulee, mutta me jäimme sinne.",
    "hu": "A vonat megint késett, és senki nem tudta megmondani, hogy mikor jön, de vártunk egy kicsit.",
    "ro": "Trenul din nord a întârziat din nou și nimeni din gară nu a putut să ne spună când o să vină.",
    "tr": "Kuzeyden gelen tren yine geç kaldı ve istasyonda hiç kimse bize ne zaman geleceğini söyleyemedi.",
    "id": "Kereta dari utara terlambat lagi dan tidak ada yang bisa memberi tahu kami di stasiun itu.",
    "vi": "Chuyến tàu từ phía bắc lại đến muộn và không ai có thể nói cho chúng tôi biết khi nào nó đến.",
    "ru": "Поезд с севера снова опоздал, и никто на вокзале не мог сказать нам, когда он придёт.",
    "uk": "Поїзд з півночі знову запізнився, і ніхто на вокзалі не міг сказати нам, коли він прийде.",
    "bg": "Влакът от север отново закъсня и никой на гарата не можа да ни каже кога ще дойде.",
    "el": "Το τρένο από τον βορρά άργησε πάλι και κανείς δεν ήξερε να μας πει πότε θα έρθει.",
    "ja": "北からの電車はまた遅れていて、駅の誰もいつ来るのか教えてくれなかった。",
    "zh": "从北方来的火车又晚点了，车站里没有人能告诉我们它什么时候到。",
    "ko": "북쪽에서 오는 기차가 또 늦었고 역에 있는 누구도 언제 올지 말해 주지 못했다.",
    "ar": "تأخر القطار القادم من الشمال مرة أخرى ولم يستطع أحد أن يخبرنا متى سيصل.",
    "fa": "قطار شمال باز هم دیر کرد و هیچ کس نمی توانست به ما بگوید چه وقت می رسد.",
    "hi": "उत्तर से आने वाली गाड़ी फिर देर से आई और कोई नहीं बता सका कि वह कब आएगी।",
}


def guess(text):
    return language(text, wording.script(text))


@pytest.mark.parametrize("name", TEXTS)
def test_a_sentence(name):
    assert guess(TEXTS[name]) == name
    assert guess(TEXTS[name].upper()) == name
    assert guess(" ".join([TEXTS[name]] * 400)) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "42", "OK", "Paris London Berlin Tokyo", "lorem ipsum dolor sit amet " * 9, "{'a': 1}"),
        *("def f(x): return x + 1", "SELECT name FROM users WHERE id = 7;", "x7!qZ#9$kk}}{{ zxcvqw ]]]]===="),
    ],
)
def test_what_is_no_running_text_has_no_language(text):
    assert guess(text) == UNDETERMINED


def test_danish_and_norwegian_are_told_apart_or_not_at_all():
    danish = "Toget fra nord var forsinket igen, og ingen på stationen kunne sige os, hvad der blev af det."
    norwegian = (
        "Toget fra nord var forsinket igjen, og ingen på stasjonen kunne si noe om når det ble ventet."
    )
    assert guess(danish) in ("da", UNDETERMINED)
    assert guess(norwegian) in ("nb", UNDETERMINED)


def test_lists_are_lists():
    for name, words in WORDS.items():
        found = words.split()
        assert len(found) == len(set(found)) >= 25, name
        assert words == words.lower()
