"""Units of length and weight, and the words for them by language."""

from __future__ import annotations

from leastpack.measures.plain import plain
from leastpack.words import fold

CM: dict[str, float] = {
    "um": 1e-4, "mm": 0.1, "cm": 1.0, "dm": 10.0, "m": 100.0, "in": 2.54, "ft": 30.48, "yd": 91.44,
}  # fmt: skip
GRAMS: dict[str, float] = {
    "ug": 1e-6, "mg": 0.001, "g": 1.0, "kg": 1000.0, "t": 1e6, "oz": 28.349523125, "lb": 453.59237,
}  # fmt: skip
IMPERIAL = frozenset({"in", "ft", "yd", "oz", "lb"})

_LENGTHS = {
    "um": "μm micron microns micrometer micrometre",
    "mm": "mm millimeter millimeters millimetre millimetres millimètre millimètres millimetri millimetro milímetro"
    " milímetros milimetro milimetros milimetr milimetry milimetrů milimetre milimeter milliméter"
    " millimetriä мм миллиметр миллиметра миллиметров міліметр міліметрів ミリ ミリメートル 毫米 公厘 밀리 밀리미터"
    " χιλ χιλιοστά مم ملم مليمتر ממ מילימטר มม มิลลิเมตร मिमी",
    "cm": "cm cms centimeter centimeters centimetre centimetres centimètre centimètres zentimeter centimetri centimetro"
    " centímetro centímetros centimetros centymetr centymetry centymetrów centimetr centimetry centimetrů santim"
    " santimetre centiméter senttiä senttimetriä sentimeter sentimeters см сантиметр сантиметра сантиметров"
    " сантиметри センチ センチメートル 厘米 公分 센치 센티 센티미터 εκ εκατοστά سم سنتيمتر סמ סנטימטר ซม"
    " เซนติเมตร सेमी",
    "dm": "dm dezimeter decimeter decimetre decimètre дм 分米",
    "m": "m mtr meter meters metre metres mètre mètres metri metro metros metr metry metrów metrů méter metriä м метр"
    " метра метров メートル 米 公尺 미터 μέτρα متر מטר เมตร मीटर",
    "in": "in ins inch inches inchs zoll pouce pouces pulgada pulgadas pollice pollici polegada polegadas cal cale cali"
    " tum tums tommer tomme tuuma tuumaa palec palce palců duim inç inci hüvelyk inci țoli дюйм дюйма дюймов дюйми"
    " インチ 英寸 英吋 吋 인치 ίντσα ίντσες بوصة بوصات אינץ นิ้ว इंच",
    "ft": "ft feet foot fuß pied pieds pie pies pé pés fot fod stopa stopy stóp voet фут фута футов フィート 英尺 呎"
    " 피트 قدم רגל ฟุต फुट",
    "yd": "yd yds yard yards",
}
_WEIGHTS = {
    "ug": "μg mcg",
    "mg": "mg mgs milligram milligrams milligramm milligramme miligramo miligramos мг ミリグラム 毫克 밀리그램",
    "g": "g gr grs gm gms gram grams gramm gramme grammes grammi grammo gramo gramos grama gramas gramów gramy gramů"
    " gramme grammaa г гр грамм грамма граммов грам грамів グラム 克 公克 그램 γρ γραμμάρια غ غرام جم جرام גרם"
    " กรัม ग्राम",
    "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes chilogrammi chilogrammo chili"
    " kilogramo kilogramos quilo quilos quilograma quilogramas kilogramy kilogramów kilogramů кг килограмм"
    " килограмма килограммов кілограм キロ キログラム 千克 公斤 킬로 킬로그램 κιλά كغ كجم كيلو קג קילו กก"
    " กิโลกรัม किलो",
    "t": "tonne tonnes tonnen",
    "oz": "oz ozs ounce ounces unze unzen once onces oncia onza onzas onça onças uncja uncji унция унции унций"
    " オンス 盎司"
    " 安士 온스",
    "lb": "lb lbs pound pounds pfund libra libras libbra libbre livre livres funt funty funtów фунт фунта фунтов ポンド"
    " 磅 파운드",
}
# A German or Dutch pound is 500 g to many, and a libra differs by country: what they mean is not known.
_AMBIGUOUS = "pfund libra libras libbra libbre livre livres funt funty funtów фунт фунта фунтов"


def _words(by_unit: dict[str, str]) -> dict[str, str]:
    return {fold(word): unit for unit, words in by_unit.items() for word in words.split()}


LENGTH_WORDS = {**_words(_LENGTHS), '"': "in", "'": "ft"}
WEIGHT_WORDS = {word: unit for word, unit in _words(_WEIGHTS).items() if word not in set(map(fold, _AMBIGUOUS.split()))}
# 1/100 of the unit that follows.
HUNDREDTHS = frozenset({"hundredth", "hundredths"})
HUNDREDTH = "hundredth "  # before the name of a unit

# What stands between two sides.
BETWEEN = frozenset(plain("x х χ * ; by mal par per por na на 乘 乘以 乗").split()) | {","}
_LABELS = (
    "l w h d b t p ø dia diam diameter durchmesser diamètre diámetro length lengths long longueur länge lang"
    " lunghezza largo longitud comprimento lengte długość délka pituus længde længd längd uzunluk width widths wide"
    " breite breit largeur larghezza ancho anchura largura breedte szerokość šířka leveys bredde bredd genişlik height"
    " high höhe hoch hauteur altezza alto altura hoogte wysokość výška korkeus højde höjd yükseklik depth deep tiefe"
    " tief profondeur profondità fondo profundidad profundidade diepte głębokość hloubka syvyys dybde djup derinlik"
    " thick thickness dicke dick épaisseur spessore grosor espessura dikte grubość side sides seite"
    " длина ширина высота глубина толщина довжина висота 幅 奥行 奥行き 高さ 縦 横 厚さ 厚み 長さ 直径 长 長 宽"
    " 寬 高 厚 深"
    " 长度 宽度 高度 厚度 深度 直径 길이 너비 폭 높이 깊이 두께 가로 세로 طول عرض ارتفاع עומק אורך רוחב גובה"
)
_REMARKS = (
    "approx approximately about ca circa env environ etwa rund approximativement aprox aproximadamente около приблизно"
    " 約 约 大约 약 size sizes dimension dimensions dims dim measures measurement measurements größe grösse maße"
    " maß masse"
    " abmessungen dimensioni misure medidas tamaño taille dimensões afmetingen wymiary rozmiar rozměry mått mål koko"
    " размер размеры габариты サイズ 寸法 尺寸 크기 사이즈 product item package packaging overall total each ea"
    " ungefähr"
    " net gross netto brutto weight wt gewicht poids peso waga вес 重量 重さ 净重 毛重 무게 the of an and und et e y"
)
LABELS = frozenset(fold(word) for word in _LABELS.split())
REMARKS = frozenset(fold(word) for word in _REMARKS.split())
# What makes a number a bound, a load or a content, and no measure of the product.
_NO_MEASURES = (
    "min max minimum maximum over under more less than up mindestens höchstens bis über unter maximal minimal von plus"
    " mindest load loads capacity belastbarkeit tragkraft tragfähigkeit carga capacidad capacité portata fl fluid liq"
    " liquid troy ozt"
)
NO_MEASURES = frozenset(fold(word) for word in _NO_MEASURES.split())
