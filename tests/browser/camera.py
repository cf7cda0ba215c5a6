"""The till reads a phone's code with its camera; where it may not, it says so and takes the code by keyboard.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/camera.py

The camera is Chromium's made-up one, which films what a file holds: the square as the phone's page drew it, held
a little askew. This Chromium cannot read barcodes by itself, so the decoder that the pages bring along does.
"""

import base64
import tempfile
from pathlib import Path

from house import House
from phone import Phone
from plays import PEOPLE, SHOP, Quiet, begin, together
from till import Till

WIDTH, HEIGHT = 640, 480
# What is seen before anybody holds a phone there.
NOTHING = bytes([96]) * (WIDTH * HEIGHT)

# The square on the phone's screen as a camera sees it: its light, row by row, from one byte black to white.
FILM = """
const [width, height, done] = arguments;
const seen = document.querySelector('.code-card img.code-square');
const canvas = Object.assign(document.createElement('canvas'), { width, height });
const brush = canvas.getContext('2d');
brush.fillStyle = '#606060';
brush.fillRect(0, 0, width, height);
brush.translate(width * .55, height * .48);
brush.rotate(.14);
brush.drawImage(seen, -130, -130, 260, 260);
const { data } = brush.getImageData(0, 0, width, height);
let light = '';
for (let at = 0; at < data.length; at += 4) light += String.fromCharCode(data[at]);
done(btoa(light));
"""


class Camera(Quiet):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fanju-camera-")
        cls.addClassCleanup(folder.cleanup)
        cls.film = Path(folder.name) / "film.y4m"
        cls.show(NOTHING)
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        flags = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={cls.film}"]
        cls.windows = together(lambda: Phone("filmed"), lambda: Till("filming", flags=flags))
        for window in cls.windows:
            cls.addClassCleanup(window.close)
        phone, till = cls.windows
        together(lambda: cls.a_table(phone), lambda: cls.a_shop(till))

    def test_1_a_camera_that_is_refused_in_english(self):
        self.refused("en")

    def test_2_a_camera_that_is_refused_in_chinese(self):
        self.refused("zh")

    def test_3_the_camera_reads_the_phones_code(self):
        phone, till = self.windows
        self.permit(till, "granted")
        self.assertFalse(till.driver.execute_script("return 'BarcodeDetector' in window"), "this is about browsers that have none")
        self.assertNotIn("/assets/qr.js", self.fetched(till), "the decoder comes when it is needed")
        till.enter("36.50")
        # Nobody holds a phone there: a second press switches the camera off.
        till.press("[data-key=camera]")
        till.see("video.camera")
        till.until("moving picture", lambda: till.driver.execute_script("return document.querySelector('video.camera').videoWidth === arguments[0]", WIDTH))
        till.shot("till-camera")
        till.press("[data-key=camera]")
        till.gone("video.camera")
        code = phone.show_code()
        self.show(self.as_filmed(phone))
        till.press("[data-key=camera]")
        together(lambda: phone.pays("36.50"), lambda: till.result("settled", "36.50"))
        till.gone("video.camera")
        self.assertIn("/assets/qr.js", self.fetched(till))
        self.assertEqual(till.driver.execute_script("return document.querySelector('video.camera').srcObject"), None, "the camera is off")
        phone.close_sheet()
        # What it read was the code: a second scan of it is one too many.
        till.enter("1.00")
        till.scan(code)
        till.see(".result.failed", till.word("error_spent_code"))

    def refused(self, language):
        """The page says why there is no picture, and a hand scanner still collects."""
        phone, till = self.windows
        till.speak(language)
        self.permit(till, "denied")
        till.enter("12.00")
        till.press("[data-key=camera]")
        till.see(".camera-view [role=alert]", till.word("camera_denied"))
        self.assertFalse(till.look("video.camera"))
        till.shot("till-camera-denied", dark=True)
        till.scan(phone.show_code())
        together(lambda: phone.pays("12.00"), lambda: till.result("settled", "12.00"))
        phone.close_sheet()

    # --- what is there -----------------------------------------------------------------------

    @classmethod
    def a_table(cls, phone):
        phone.driver.get(cls.house.url)
        phone.sign_up(PEOPLE["en"][0])
        phone.top_up("100")
        phone.has("100.00")
        phone.open_table()

    @classmethod
    def a_shop(cls, till):
        till.driver.get(f"{cls.house.url}/till")
        till.sign_up(PEOPLE["en"][2])
        till.open_shop(SHOP["en"])

    @classmethod
    def show(cls, light):
        """Lays one still picture before the camera, as YUV4MPEG2; it is read when the camera is switched on."""
        grey = bytes([128]) * (WIDTH * HEIGHT // 2)
        head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n".encode()
        cls.film.write_bytes(head + (b"FRAME\n" + light + grey) * 2)

    def as_filmed(self, phone):
        phone.until("drawn square", lambda: phone.driver.execute_script(
            "return [...document.querySelectorAll('.code-card img')].every((one) => one.complete && one.naturalWidth > 0)"))
        return base64.b64decode(phone.driver.execute_async_script(FILM, WIDTH, HEIGHT))

    def permit(self, till, setting):
        till.driver.execute_cdp_cmd("Browser.setPermission", {"permission": {"name": "camera"}, "setting": setting, "origin": self.house.url})

    def fetched(self, till):
        return till.driver.execute_script("return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")


if __name__ == "__main__":
    begin()
